"""What a validation found: a few findings a rule and file in full, the rest counted; as text and as JSON."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from cq_tui import __version__
from cq_tui.contracts.exit_code import ExitCode
from cq_tui.contracts.rules.finding import Finding
from cq_tui.contracts.rules.table import RULES
from cq_tui.ops.characters import plain
from cq_tui.ops.formatting import pluralize

#: Findings of one rule in one file that are shown.
SHOWN_IN_FILE = 5
#: Findings of one rule in all files that are shown.
_SHOWN_OF_RULE = 20
#: Files that were not checked and are named.
_NAMED_FILES = 20


@dataclass(slots=True)
class FileFindings:
    """The findings of one file, bounded."""

    #: As a user finds it: relative to the data directory, or as it was given.
    name: str
    kind: str | None = None
    findings: list[Finding] = field(default_factory=list)
    #: How often each rule is broken.
    counts: Counter[str] = field(default_factory=Counter)
    #: Lines, or items of a list, that were checked.
    records: int = 0

    def add(self, findings: Iterable[Finding]) -> None:
        """Add findings; of each rule the first few are kept."""
        for finding in findings:
            self.counts[finding.rule] += 1
            if self.counts[finding.rule] <= SHOWN_IN_FILE:
                self.findings.append(finding)

    def join(self, later: "FileFindings") -> None:
        """Add the findings of the next part of the same file; its lines are counted from its beginning."""
        for finding in later.findings:
            line = None if finding.line is None else finding.line + self.records
            if self.counts[finding.rule] < SHOWN_IN_FILE:
                self.findings.append(finding._replace(line=line))
            self.counts[finding.rule] += 1
            later.counts[finding.rule] -= 1
        self.counts.update(later.counts)
        self.records += later.records

    @property
    def is_usable(self) -> bool:
        """Whether no rule is broken whose breach is an error."""
        return not any(RULES[rule].severity == "error" for rule in self.counts)


@dataclass(slots=True)
class ValidationReport:
    """All findings, and what was looked at."""

    checked_at: float
    #: The data directory, if one was validated.
    directory: str | None = None
    data_version: str | None = None
    #: What the version follows from.
    version_from: str | None = None
    files: list[FileFindings] = field(default_factory=list)
    #: Files of no kind that is checked, such as logs.
    not_checked: list[str] = field(default_factory=list)
    not_checked_count: int = 0

    def skip(self, name: str) -> None:
        """Count a file that is not checked."""
        self.not_checked_count += 1
        if len(self.not_checked) < _NAMED_FILES:
            self.not_checked.append(name)

    @property
    def counts(self) -> Counter[str]:
        """How often each rule is broken in all files."""
        return sum((each.counts for each in self.files), Counter[str]())

    def count(self, severity: str) -> int:
        """Return the number of findings of this severity."""
        return sum(count for rule, count in self.counts.items() if RULES[rule].severity == severity)

    @property
    def exit_code(self) -> ExitCode:
        """The result of ``cq-tui validate``."""
        if self.count("error"):
            return ExitCode.ERROR
        return ExitCode.FAILED if self.count("warning") else ExitCode.OK

    def _shown(self) -> list[tuple[FileFindings, Finding]]:
        """Return the findings that are shown: errors first, of each rule only the first ones."""
        seen = Counter[str]()
        shown = []
        for file in self.files:
            for finding in file.findings:
                seen[finding.rule] += 1
                if seen[finding.rule] <= _SHOWN_OF_RULE:
                    shown.append((file, finding))
        return sorted(shown, key=lambda each: RULES[each[1].rule].severity)

    def lines(self) -> list[str]:
        """Return the report for people."""
        shown = self._shown()
        text = [line for file, finding in shown for line in _finding_lines(file, finding)]
        hidden = self.counts - Counter(finding.rule for _, finding in shown)
        text += [f"and {count:,} more of {rule}" for rule, count in sorted(hidden.items())]
        return [*text, *self._about(), self._summary()]

    def _about(self) -> list[str]:
        if self.data_version is None:
            return []
        return [f"data version {self.data_version} ({self.version_from})"]

    def _summary(self) -> str:
        records = sum(file.records for file in self.files)
        where = pluralize(len(self.files), "file") + (f" and {pluralize(records, 'line')} in them" if records else "")
        left = f"; {pluralize(self.not_checked_count, 'other file')} not checked" if self.not_checked_count else ""
        errors, warnings = self.count("error"), self.count("warning")
        found = ", ".join(pluralize(count, word) for count, word in ((errors, "error"), (warnings, "warning")) if count)
        verdict = {ExitCode.OK: "valid", ExitCode.FAILED: "valid, with warnings", ExitCode.ERROR: "INVALID"}
        return f"{verdict[self.exit_code]}: {found + ' in ' if found else ''}{where}{left}"

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain values: the document ``validation_report``."""
        document: dict[str, Any] = {
            "checked_at": self.checked_at,
            "version": __version__,
            "exit_code": int(self.exit_code),
            "valid": self.exit_code is not ExitCode.ERROR,
            "data_directory": self.directory,
            "data_version": self.data_version,
            "version_from": self.version_from,
            "files": len(self.files),
            "records": sum(file.records for file in self.files),
            "errors": self.count("error"),
            "warnings": self.count("warning"),
            "findings": [_finding_json(file, finding) for file, finding in self._shown()],
            "rules": {rule: _rule_json(rule, count) for rule, count in sorted(self.counts.items())},
            "not_checked_count": self.not_checked_count,
            "not_checked": self.not_checked,
        }
        # Names of files may be no Unicode.
        return plain(document)  # type: ignore[no-any-return]


def _finding_lines(file: FileFindings, finding: Finding) -> list[str]:
    rule = RULES[finding.rule]
    where = f"{file.name}, line {finding.line:,}" if finding.line is not None else file.name
    value = "" if finding.value is None else f" ({finding.value})"
    subject = f"{finding.field} " if finding.field else ""
    return [f"{rule.severity:<8} {where}: {subject}{finding.text}{value}", f"         {rule.remedy} [{finding.rule}]"]


def _finding_json(file: FileFindings, finding: Finding) -> dict[str, Any]:
    rule = RULES[finding.rule]
    return {
        "severity": rule.severity,
        "rule": finding.rule,
        "file": file.name,
        "kind": file.kind,
        "line": finding.line,
        "field": finding.field,
        "value": finding.value,
        "text": finding.text,
        "remedy": rule.remedy,
    }


def _rule_json(rule: str, count: int) -> dict[str, Any]:
    return {"count": count, "severity": RULES[rule].severity, "demand": RULES[rule].demand}
