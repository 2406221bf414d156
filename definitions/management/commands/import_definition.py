from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from config.strict_json import BadPayload, loads
from definitions import version_documents
from definitions.document.parser import DocumentRefused
from definitions.presenters import published_page


class Command(BaseCommand):
    help = "Makes a draft from a definition document (accord.definition/1)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *, file: Path, **_: Any) -> None:
        try:
            document = loads(file.read_text(encoding="utf-8-sig"))
            version = version_documents.import_document(document=document, by=None, now=timezone.now())
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{file} cannot be read: {error}") from error
        except BadPayload as error:
            raise CommandError(f"{file}: {error}") from error
        except DocumentRefused as refusal:
            raise CommandError(f"{file} is refused; nothing was stored:\n{refusal}") from refusal
        self.stdout.write(f"{version}, a draft (version {version.pk}).")
        self.stdout.write(published_page.statement(version).text)
