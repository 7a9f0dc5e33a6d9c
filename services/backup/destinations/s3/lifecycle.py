"""Rules by which a server moves archives to colder classes by itself.

Rules of others are read first and written back as they are: a bucket has one set of rules, which is always replaced as
a whole. Ours are known by their id, which begins with ``nightbus <prefix>``. Archives are chosen by two tags:
``archive_policy`` says after how many days they move, ``backup_policy`` where to. Where a server refuses tags they are
chosen by key and size, so that the small manifests beside them stay where they can be read at once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.backup.archive.keys import raw_prefix
from services.backup.destinations.s3.asking import Asking, Patience
from services.backup.destinations.s3.client import opened_client
from services.backup.destinations.s3.refusals import Said
from services.backup.settings.destinations import S3Destination
from shared.errors import UserError

Rule = Mapping[str, Any]
_NO_RULES = "NoSuchLifecycleConfiguration"
_LARGE_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Days:
    """After how many days what happens."""

    fast: int = 7
    standard: int = 30
    delayed: int = 90
    deeper: int = 90
    """How long flexible archives stay in GLACIER before they go on to DEEP_ARCHIVE."""
    abort: int = 3
    """After which the parts of an upload that nobody completed are deleted."""

    @property
    def of_policies(self) -> Mapping[str, int]:
        """By the values of the tag ``archive_policy``."""
        return {"fast": self.fast, "standard": self.standard, "delayed": self.delayed}


@dataclass(frozen=True, slots=True)
class Plan:
    """Rules as they are and as they would be."""

    foreign: Sequence[Rule]
    ours: Sequence[Rule]
    wanted: Sequence[Rule]

    @property
    def added(self) -> list[Rule]:
        """Rules that are to come, or to change."""
        return [rule for rule in self.wanted if rule not in self.ours]

    @property
    def removed(self) -> list[Rule]:
        """Rules of ours that are to go, or to change."""
        return [rule for rule in self.ours if rule not in self.wanted]


def rules_of(prefix: str, days: Days, *, tags: bool) -> list[Rule]:
    """Our rules for a prefix."""
    name, root = f"nightbus {prefix}", f"{prefix}/"
    abort = {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": days.abort}}
    rules: list[Rule] = [_rule(f"{name} abort", {"Prefix": root}, abort)]
    if not tags:
        large = {"And": {"Prefix": root + raw_prefix(), "ObjectSizeGreaterThan": _LARGE_BYTES}}
        return [*rules, _rule(f"{name} raw", large, {"Transitions": _moves("deep", days.fast, days)})]
    for archive_policy, after in days.of_policies.items():
        for backup_policy in ("deep", "flexible"):
            chosen = [
                {"Key": "archive_policy", "Value": archive_policy},
                {"Key": "backup_policy", "Value": backup_policy},
            ]
            rules.append(
                _rule(
                    f"{name} {archive_policy} {backup_policy}",
                    {"And": {"Prefix": root, "Tags": chosen}},
                    {"Transitions": _moves(backup_policy, after, days)},
                )
            )
    return rules


def sentence_of(rule: Rule) -> str:
    """A rule as a person reads it."""
    chosen = rule.get("Filter") or {}
    chosen = chosen.get("And") or chosen
    about = [f"below {chosen['Prefix']}"] if chosen.get("Prefix") else []
    tags = [*chosen.get("Tags", ()), *((chosen["Tag"],) if "Tag" in chosen else ())]
    about += [f"with {tag['Key']} = {tag['Value']}" for tag in tags]
    if "ObjectSizeGreaterThan" in chosen:
        about.append(f"larger than {chosen['ObjectSizeGreaterThan'] // 1024**2} MiB")
    does = [f"to {move.get('StorageClass')} after {move.get('Days')} d" for move in rule.get("Transitions", ())]
    if "AbortIncompleteMultipartUpload" in rule:
        does.append(
            f"unfinished uploads deleted after {rule['AbortIncompleteMultipartUpload']['DaysAfterInitiation']} d"
        )
    if "Expiration" in rule:
        does.append(f"deleted after {rule['Expiration'].get('Days', '?')} d")
    off = "" if rule.get("Status") == "Enabled" else " (off)"
    return (
        f"{rule.get('ID', 'a rule without id')}{off}: {' '.join(about) or 'everything'}: {', '.join(does) or 'other'}"
    )


async def plan(configured: S3Destination, prefix: str, days: Days, *, tags: bool) -> Plan:
    """Read the rules of the bucket and compare them with those that are wanted.

    Raises:
        UserError: the server has no such rules.
    """
    async with opened_client(configured) as client:
        rules = await _read(Asking(client, configured, Patience()))
    return _plan(rules, prefix, days, tags=tags)


async def apply(configured: S3Destination, prefix: str, days: Days, *, tags: bool) -> Plan:
    """Write the rules, with those of others as they were a moment ago, and see whether they hold.

    Raises:
        UserError: the server has no such rules, or does not hold them.
    """
    async with opened_client(configured) as client:
        asking = Asking(client, configured, Patience())
        change = _plan(await _read(asking), prefix, days, tags=tags)
        if change.added or change.removed:
            await asking.ask(
                "put_bucket_lifecycle_configuration",
                {"LifecycleConfiguration": {"Rules": [*change.foreign, *change.wanted]}},
            )
            after = _plan(await _read(asking), prefix, days, tags=tags)
            if after.added or after.removed or _by_id(after.foreign) != _by_id(change.foreign):
                raise UserError(f"{asking.named} took the lifecycle rules and shows others: see what it says of them")
    return change


def alike(rule: Rule) -> Rule:
    """A rule as every server takes it and as it can be compared: Ceph's gateway gives filters another form."""
    chosen = dict(rule.get("Filter") or {})
    criteria = {name: value for name, value in chosen.items() if name not in ("And", "Tag")} | chosen.get("And", {})
    tags = [*criteria.pop("Tags", ()), *((chosen["Tag"],) if "Tag" in chosen else ())]
    if not criteria.get("Prefix", "-") and (tags or len(criteria) > 1):
        del criteria["Prefix"]
    if len(criteria) + len(tags) > 1:
        sorted_tags = {"Tags": sorted(tags, key=lambda tag: str(tag["Key"]))} if tags else {}
        criteria = {"And": criteria | sorted_tags}
    elif tags:
        criteria = {"Tag": tags[0]}
    found = dict(rule) | ({"Filter": criteria} if "Filter" in rule else {})
    if "Transitions" in rule:
        found["Transitions"] = sorted(
            rule["Transitions"], key=lambda move: (str(move.get("Date")), move.get("Days", 0))
        )
    return found


def _by_id(rules: Sequence[Rule]) -> list[Rule]:
    return sorted(rules, key=lambda rule: str(rule.get("ID")))


def _plan(rules: Sequence[Rule], prefix: str, days: Days, *, tags: bool) -> Plan:
    rules = [alike(rule) for rule in rules]
    ours = [rule for rule in rules if str(rule.get("ID", "")).startswith(f"nightbus {prefix} ")]
    return Plan(
        foreign=[rule for rule in rules if rule not in ours],
        ours=ours,
        wanted=rules_of(prefix, days, tags=tags),
    )


async def _read(asking: Asking) -> Sequence[Rule]:
    try:
        found = await asking.ask(
            "get_bucket_lifecycle_configuration", {}, expects={_NO_RULES, "NotImplemented", "MethodNotAllowed", "501"}
        )
    except Said as said:
        if said.code == _NO_RULES:
            return ()
        raise UserError(f"{asking.named} has no lifecycle rules") from said
    rules: Sequence[Rule] = found.get("Rules") or ()
    return rules


def _rule(rule_id: str, chosen: Mapping[str, Any], does: Mapping[str, Any]) -> Rule:
    return {"ID": rule_id, "Filter": chosen, "Status": "Enabled", **does}


def _moves(backup_policy: str, after: int, days: Days) -> list[dict[str, Any]]:
    if backup_policy == "deep":
        return [{"Days": after, "StorageClass": "DEEP_ARCHIVE"}]
    return [
        {"Days": after, "StorageClass": "GLACIER"},
        {"Days": after + days.deeper, "StorageClass": "DEEP_ARCHIVE"},
    ]
