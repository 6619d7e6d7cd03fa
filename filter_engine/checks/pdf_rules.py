"""PDF files that are locked, run programs or are built to confuse."""

from __future__ import annotations

from filter_engine.message.pdf import read_pdf
from filter_engine.scan.declare import Symbol, check
from filter_engine.scan.task import Task
from filter_engine.scan.verdict import Finding

_GROUPS = ("content", "pdf")


@check(
    "pdf",
    module="pdf",
    callback="SPECIFIC_CONTENT_CHECK",
    symbols=(
        Symbol("PDF_ENCRYPTED", 0.3, "A PDF file under a password", _GROUPS, True),
        Symbol("PDF_JAVASCRIPT", 0.1, "A PDF file with JavaScript", _GROUPS, True),
        Symbol("PDF_SUSPICIOUS", 4.5, "A PDF file that hides what it does", _GROUPS, True),
        Symbol("PDF_LONG_TRAILER", 0.2, "A PDF file with a long trailer", _GROUPS, True),
        Symbol("PDF_MANY_OBJECTS", 0.0, "A PDF file of very many objects", _GROUPS, True),
    ),
)
def pdf(task: Task) -> list[Finding]:
    """Every attached PDF file, by its first bytes."""
    found: list[Finding] = []
    for part in task.message.parts:
        if part.is_text or part.file_type is None or part.file_type.extension != "pdf":
            continue
        marks = read_pdf(part.content)
        name = part.filename or "unknown"
        evidence = f"part {part.index} {name}: {marks.objects} objects"
        factor = marks.suspicious
        if marks.encrypted:
            found.append(Finding("PDF_ENCRYPTED", (name,), evidence=evidence))
            factor += 0.6 if marks.open_action else 0.1
        if marks.scripts:
            found.append(Finding("PDF_JAVASCRIPT", (name,), evidence=evidence))
            factor += 0.1
        if factor > 0.5:
            found.append(Finding("PDF_SUSPICIOUS", (name,), min(1.0, factor), evidence))
        if marks.long_trailer:
            option = f"{name}:{marks.long_trailer}"
            found.append(Finding("PDF_LONG_TRAILER", (option,), evidence=evidence))
        if marks.many_objects:
            option = f"{name}:{marks.objects}"
            found.append(Finding("PDF_MANY_OBJECTS", (option,), evidence=evidence))
    return found
