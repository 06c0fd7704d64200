"""Which posts are left out, and why: ratings, tags, artists, sizes, and what is left out always.

Pictures that sexualise minors are never taken, whatever the options say. Tags are what there is to go by:
some words leave a picture out at any rating, others where the picture is not rated safe or where another
tag says that it is sexual.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from phiz.collect.posts import Post
from phiz.pictures import SUFFIXES


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


NEVER = _words(
    """
    loli lolis lolicon shota shotas shotacon straight_shota toddlercon babycon cunny pedophilia
    paedophilia pedo child_porn child_pornography underage_sex jailbait
    """
)
"""Words in a tag that leave a picture out at any rating."""

YOUNG = _words(
    """
    child children kid kids underage minor minors preteen toddler toddlers baby babies infant infants
    female_child male_child little_girl little_boy young_girl young_boy aged_down child_on_child
    onee-shota onee-loli kindergarten kindergartener kindergarten_uniform kindergarten_bag preschool
    elementary_school elementary_schooler elementary_school_student primary_school randoseru
    grade_schooler middle_school middle_schooler middle_school_student junior_high_school
    flat_chest_child
    """
)
"""Tags and words that leave a picture out unless it is rated safe and no tag says that it is sexual."""

SEXUAL = _words(
    """
    nude naked nudity topless bottomless nipples areolae pussy penis vagina anus ass sex cum breasts_out
    breast_grab cleavage cameltoe panties pantyshot pantsu underwear lingerie bra thong bikini
    micro_bikini swimsuit swimsuits school_swimsuit bathing undressing undressed wet_clothes see-through
    erotic ecchi lewd hentai bondage bdsm groping spread_legs suggestive_fluid masturbation rape
    """
)
"""Tags and words that say so."""

SMALLER = "smaller than"
"""What the reason begins with where a picture is below the size that was asked for."""

_SPLIT = re.compile(r"[_()/\-]+")


def sexualises_minors(tags: Iterable[str], rating: str | None) -> bool:
    """Say whether tags and rating have a picture left out always. No rating counts as not safe."""
    named = set(tags)
    words = named | {word for name in named for word in _SPLIT.split(name)}
    if words & NEVER:
        return True
    return bool(words & YOUNG) and (rating != "safe" or bool(words & SEXUAL))


@dataclass(frozen=True)
class Rules:
    """What is taken. `admit` says None for a post that is, and the reason for one that is not."""

    ratings: tuple[str, ...] = ("safe",)
    rated: bool = True
    """Whether a post without a rating is left out (plain URLs have none)."""
    must: tuple[str, ...] = ()
    must_not: tuple[str, ...] = ()
    artists: frozenset[str] = frozenset()
    """Artists left out, as tags are written."""
    min_size: int = 0
    """Pixels of the shorter side."""

    def refusal(self, post: Post) -> str | None:
        """Return why a post is left out, None where it is not."""
        tags = set(post.tags)
        if sexualises_minors(post.tags, post.rating):
            return "always left out: minors"
        if post.rating is None and self.rated:
            return "no rating"
        if post.rating is not None and post.rating not in self.ratings:
            return f"rated {post.rating}"
        if self.artists & (tags | set(post.artists)):
            return "an artist who is left out"
        if tags & set(self.must_not):
            return "a tag that is left out"
        if not set(self.must) <= tags:
            return "not all of the tags"
        if suffix(post.url) not in SUFFIXES and suffix(post.url) and post.site != "url":
            return f"no picture ({suffix(post.url)})"
        if post.width and post.height and min(post.width, post.height) < self.min_size:
            return f"{SMALLER} {self.min_size} px"
        return None


def suffix(url: str) -> str:
    """Return the suffix of the file that a URL names, lower case, "" where it has none."""
    return PurePosixPath(unquote(urlsplit(url).path)).suffix.lower()
