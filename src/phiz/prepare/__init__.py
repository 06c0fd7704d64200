"""From pictures to faces: sources, labels, cutting. `phiz.verbs.prepare` composes them."""

from phiz.rooms import let_call

let_call(__name__)
