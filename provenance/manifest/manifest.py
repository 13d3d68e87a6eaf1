"""
What an asset says about itself: its manifests, as values.

Everything here is a claim of whoever signed, and text of theirs; `Reading` adds what validation made
of it. A field that is present but not text is kept as its JSON, so that it does not read as absent; a
null, which the engine leaves out, does.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Container, Iterator
from datetime import datetime
from typing import NamedTuple

from provenance.manifest.status import StatusKind, ValidationState, ValidationStatus
from provenance.trust.certificate import Certificate
from provenance.trust.profile import Pin

CREATED = "c2pa.created"

ManifestPath = tuple[str, ...]
"""
How a manifest is reached: labels, the active manifest's first, its own last.
"""


class Action(NamedTuple):
    """
    One entry of an actions assertion.

    Attributes:
        action: What was done, such as "c2pa.created".

        software_agent: Name of what did it, whether the manifest holds it as text or as a map.

        description: Additional description, or None when the key is absent.

        when: Time as written, or None when the key is absent.

        digital_source_type: IPTC address, or None when the key is absent.
    """

    action: str
    software_agent: str | None = None
    description: str | None = None
    when: str | None = None
    digital_source_type: str | None = None


class Ingredient(NamedTuple):
    """
    One ingredient assertion.

    Attributes:
        assertion: Label of the assertion, such as "c2pa.ingredient.v3".

        relationship: "parentOf", "componentOf" or "inputTo", or what stands there.

        title: Title, or None.

        manifest: Label of the ingredient's own manifest in this store; None if it has none.

        recorded: What whoever added it says validation found then.
    """

    assertion: str
    relationship: str | None
    title: str | None
    manifest: str | None
    recorded: tuple[ValidationStatus, ...] = ()


class Manifest(NamedTuple):
    """
    One manifest as the engine read it.

    Attributes:
        label: Unique label in the store.

        claim_version: 1 or 2; None if the engine does not say.

        claim_generator: What wrote the claim, name and version, or None.

        title: Title, or None.

        actions: Actions of all its actions assertions, created and gathered, in order.

        ingredients: Ingredients, in order.

        assertions: Labels of the other assertions the engine lists.

        statuses: What the engine found about this manifest.
    """

    label: str
    claim_version: int | None = None
    claim_generator: str | None = None
    title: str | None = None
    actions: tuple[Action, ...] = ()
    ingredients: tuple[Ingredient, ...] = ()
    assertions: tuple[str, ...] = ()
    statuses: tuple[ValidationStatus, ...] = ()

    @property
    def created(self) -> Action | None:
        """
        The `c2pa.created` action; None if there is none, or more than one and so no telling which.
        """
        found = [action for action in self.actions if action.action == CREATED]
        return found[0] if len(found) == 1 else None


class ManifestStore(NamedTuple):
    """
    All manifests of an asset, as the engine read them.

    Attributes:
        active: Label of the active manifest. May name a manifest that is missing from the store.

        manifests: Manifests by label, the unreferenced ones included.
    """

    active: str
    manifests: dict[str, Manifest]

    def reached(
        self, start: str | None = None, *, through: Container[str] | None = None
    ) -> Iterator[ManifestPath]:
        """
        Yield how each manifest is reached from the active one: labels, active first, itself last.

        The first manifest comes first, the others by distance, each once, by a shortest path; manifests
        that nothing references are not yielded.

        Args:
            start: Label of the manifest to start from instead.

            through: Labels of the manifests that may stand on a path, both ends included; None for all.
        """
        first = self.active if start is None else start
        queue: deque[ManifestPath] = deque([(first,)])
        seen = {first}
        while queue:
            path = queue.popleft()
            manifest = self.manifests.get(path[-1])
            if manifest is None or (through is not None and path[-1] not in through):
                continue
            yield path
            for ingredient in manifest.ingredients:
                if ingredient.manifest is not None and ingredient.manifest not in seen:
                    seen.add(ingredient.manifest)
                    queue.append((*path, ingredient.manifest))


class Signature(NamedTuple):
    """
    Who signed a manifest, as our own validator found it.

    Attributes:
        chain: Certificates as stored, leaf first; empty if they could not be read.

        anchor: The pinned anchor the chain was followed up to, or None.

        signed_at: Time of a time-stamp that holds and whose authority is trusted, aware UTC; None
            without one. Never the time a signer claims for itself.

        time_stamp_anchor: The pinned anchor of that time-stamp's authority, or None.
    """

    chain: tuple[Certificate, ...] = ()
    anchor: Pin | None = None
    signed_at: datetime | None = None
    time_stamp_anchor: Pin | None = None


class Reading(NamedTuple):
    """
    One manifest that is active or reached from the active one, and what validation made of it.

    Attributes:
        manifest: What it says.

        path: Labels from the active manifest to this one, both included: a shortest path through trusted
            manifests only if there is one, else a shortest path.

        state: `invalid`, `valid` or `trusted`; never `absent`.

        statuses: Everything found about it: by the engine, by our validator, and recorded.

        tolerated: Failures set aside by a dated rule; none of them is in *statuses*.

        signature: Who signed it.
    """

    manifest: Manifest
    path: tuple[str, ...]
    state: ValidationState
    statuses: tuple[ValidationStatus, ...]
    tolerated: tuple[ValidationStatus, ...]
    signature: Signature

    @property
    def is_active(self) -> bool:
        """
        Whether this is the active manifest.
        """
        return len(self.path) == 1

    @property
    def failures(self) -> tuple[ValidationStatus, ...]:
        """
        The failures among the statuses.
        """
        return tuple(status for status in self.statuses if status.kind is StatusKind.FAILURE)
