"""From a model to a page: stored forms, directions, first faces, the site; verbs/publish.py composes them."""

from phiz.rooms import let_call

let_call(__name__)
