"""From sites, lists and folders to a collection. `phiz.verbs.collect` composes what is here."""

from phiz.rooms import let_call

let_call(__name__)
