from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from typing import Any, ClassVar, Final

import pgtrigger
from django.contrib.auth.models import AbstractUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone

from config.accounts import sources
from config.accounts.sources import refuse_reserved_source
from config.accounts.vocabulary import ApiKeyKind, SenderLocale

#: Bytes of randomness in the secret half of an API key: 256 bits, too many to guess, so a plain digest is enough.
SECRET_BYTES: Final = 32
#: Bytes of randomness in the visible half, which only tells keys apart; eight characters.
PREFIX_BYTES: Final = 4


class UserManager(BaseUserManager["User"]):
    """Create people by e-mail; addresses are stored in lower case."""

    use_in_migrations = True

    @classmethod
    def normalize_email(cls, email: str | None) -> str:
        """Return the whole address in lower case: two addresses that differ by case are one person's."""
        return (email or "").strip().lower()

    def get_by_natural_key(self, username: str | None) -> User:
        """Return the person with this e-mail address, whatever its case. Raises DoesNotExist.

        Compared in lower case, as the limits of sign-in are counted: other letters become S and I in upper case as well,
        and each spelling of an address with them would have limits of its own.
        """
        return self.alias(address=Lower("email")).get(address=self.normalize_email(username))

    def create_user(self, email: str, password: str | None = None, **columns: Any) -> User:
        """Create a person; without a password they cannot sign in by one. Raises ValueError without an address."""
        address = self.normalize_email(email)
        if not address:
            raise ValueError("A person needs an e-mail address: it is what they sign in with.")
        user = self.model(email=address, **columns)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **columns: Any) -> User:
        """Create a person who may do everything (rules 1.1)."""
        return self.create_user(email, password, **{**columns, "is_staff": True, "is_superuser": True})


class User(AbstractUser):
    """A person who signs in by e-mail. Their rights come from their groups (`Role`), see config.accounts.roles."""

    username = None  # type: ignore[assignment]  # the e-mail address takes the place of the inherited column
    email = models.EmailField("e-mail address", unique=True)
    time_zone = models.CharField(max_length=64, default="UTC")

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects: ClassVar[UserManager] = UserManager()  # type: ignore[assignment]  # the inherited one creates by user name

    class Meta(AbstractUser.Meta):
        constraints: ClassVar = [models.UniqueConstraint(Lower("email"), name="user_email_once")]

    def __str__(self) -> str:
        return self.get_full_name() or self.email


def digest_of(key: str) -> str:
    """Return the SHA-256 of a key's text, in hexadecimal: the form in which the database knows it."""
    return hashlib.sha256(key.encode()).hexdigest()


class ApiKeyManager(models.Manager["ApiKey"]):
    def create_key(self, **columns: Any) -> tuple[ApiKey, str]:
        """Create a key; returns its row and its text, which is stored nowhere and can be shown only now."""
        api_key = self.model(**columns)
        text = api_key.issue()
        api_key.save(using=self._db)
        return api_key, text

    def get_from_key(self, key: str) -> ApiKey:
        """Return the key with this text, and its owner. Raises DoesNotExist.

        The unique index on the digest decides, so the time it takes says nothing about how much of a guess was right.
        """
        return self.select_related("owner").get(digest=digest_of(key))


class ApiKey(models.Model):
    """A machine client: acts as `owner`, within `scopes`; its events carry `source`, the space of their ids."""

    name = models.CharField(max_length=50, help_text="The client that holds this key.")
    kind = models.CharField(max_length=16, choices=ApiKeyKind.choices, default=ApiKeyKind.SYSTEM)
    owner = models.ForeignKey(User, on_delete=models.PROTECT, related_name="api_keys")
    source = models.SlugField(max_length=64, validators=[refuse_reserved_source])
    locale = models.CharField(
        max_length=8,
        choices=SenderLocale.choices,
        blank=True,
        help_text="How its texts write numbers and dates; empty: what could be read in two ways is refused.",
    )
    currency = models.CharField(
        max_length=3,
        blank=True,
        validators=[RegexValidator("^[A-Z]{3}$", "Write the code of a currency, as EUR or USD.")],
        help_text="Of amounts that name none, as EUR or USD; empty: that of this installation.",
    )
    scopes = ArrayField(models.CharField(max_length=32), default=list)
    prefix = models.CharField(max_length=16, unique=True, editable=False)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True, help_text="From then on it is refused; empty: never.")
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects: ClassVar[ApiKeyManager] = ApiKeyManager()

    class Meta:
        verbose_name = "API key"
        verbose_name_plural = "API keys"
        ordering = ("-created_at", "-pk")
        constraints: ClassVar = [
            models.CheckConstraint(
                name="api_key_source_is_not_reserved",
                condition=models.Q(*(~models.Q(source__iexact=name) for name in sources.RESERVED)),
            )
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="api_keys_stay", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(name="api_key_identity_stays", fields=["prefix", "digest", "created_at"]),
            # A revoked key stays revoked, since the same instant.
            pgtrigger.Protect(
                name="api_key_revocations_stay",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__revoked_at__isnull=False)
                & pgtrigger.Q(old__revoked_at__df=pgtrigger.F("new__revoked_at")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix})"

    def issue(self) -> str:
        """Draw the text of a new key and keep its prefix and digest; returns the text, `acc_PREFIX.SECRET`."""
        self.prefix = secrets.token_hex(PREFIX_BYTES)
        text = f"acc_{self.prefix}.{secrets.token_urlsafe(SECRET_BYTES)}"
        self.digest = digest_of(text)
        return text

    def is_usable(self, now: dt.datetime) -> bool:
        """Return whether a client may call with it: neither revoked nor expired, its owner active."""
        has_expired = self.expires_at is not None and self.expires_at <= now
        return self.revoked_at is None and not has_expired and self.owner.is_active


class RequestCount(models.Model):
    """The requests of a caller of the API within its latest minute (rules 16.17)."""

    caller = models.CharField(max_length=100, primary_key=True)
    minute = models.DateTimeField()
    requests = models.IntegerField()

    def __str__(self) -> str:
        return f"{self.caller}: {self.requests}"
