"""The one place where everything is built and put together. What runs, runs in one TaskGroup."""

import asyncio
import contextlib
import fcntl
import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import sqlalchemy as sa
import structlog

from bridge.backup.epochs import Epochs
from bridge.chat.again import AskAgain
from bridge.chat.catalogue import Catalogue
from bridge.chat.commands import build_registry
from bridge.chat.inbound import IdentityChanged, Inbound, RoomView
from bridge.chat.people import People, random_id
from bridge.chat.picture import Publish
from bridge.chat.pipeline import Pipeline
from bridge.chat.quota import Quotas, Rate, Verdict
from bridge.chat.registry import Found
from bridge.config import Config
from bridge.contacts.invites import forget_old as forget_old_invites
from bridge.contacts.model import ContactLimits
from bridge.contacts.private_chats import PrivateChats
from bridge.contacts.service import Meeting
from bridge.db import Tx, own_limits
from bridge.db.engine import now_ms
from bridge.db.tables import crypto_megolm_inbound, handled
from bridge.delivery import gone
from bridge.delivery.beat import Beat
from bridge.delivery.outbox import Outbox
from bridge.delivery.refresh import Budget
from bridge.delivery.worker import DeliveryWorker
from bridge.errors import OperatorError
from bridge.features import Features, compose, merged
from bridge.ids import AccountId, DeviceId, RoomId, UserId
from bridge.matrix.account import MatrixAccount
from bridge.matrix.account_settings import AccountSettings
from bridge.matrix.attachments import Attachments
from bridge.matrix.confirmations import Confirmations
from bridge.matrix.http import Homeserver
from bridge.matrix.media_admin import MediaAdmin, connect
from bridge.matrix.pictures import Miniature, PictureIntake, PictureOutlet, Redraw
from bridge.matrix.verification import VerificationSettings
from bridge.miniprograms import guest
from bridge.miniprograms.host.builtin import install_builtin
from bridge.miniprograms.host.installed import forget_failures
from bridge.miniprograms.host.outside import Door, Outside
from bridge.miniprograms.host.sessions import forget_old as forget_old_sessions
from bridge.miniprograms.remote.breaker import Breakers
from bridge.miniprograms.remote.client import Remote, Runtimes
from bridge.miniprograms.sandbox import Sandbox
from bridge.moments import drafts, pages, reach
from bridge.moments.expiry import Expiry
from bridge.moments.model import MomentLimits
from bridge.moments.pictures import Pictures
from bridge.moments.telling import Telling
from bridge.privacy import recovery, undo
from bridge.rights.archive import jobs
from bridge.rights.archive.jobs import EXPORT, IMPORT
from bridge.rights.archive.layout import ArchiveSettings
from bridge.rights.archive.worker import ArchiveWorker
from bridge.rights.deletions import DeletionSettings
from bridge.rights.disclosure import Installation
from bridge.rights.erasures import Erasures
from bridge.rights.media_deletions import MediaDeletions
from bridge.rights.retention import Retention, RetentionSettings
from bridge.storage import Storage, open_storage
from bridge.vault import Spares

log = structlog.get_logger(__name__)

_DAY_MS = 24 * 3600 * 1000
_YEAR_MS = 365 * _DAY_MS
_SESSION_ID = 43
"""Characters of a Megolm session id."""
_CLEAN_UP_EVERY_S = 3600.0
_STOCK_UP_EVERY_S = 60.0


async def run(config: Config, ready: Callable[[str], None]) -> None:
    """Run the bot until cancelled. `ready` is called with its Matrix id once people are answered.

    Raises:
        OperatorError: something that the operator must mend.
    """
    async with _open(config) as (storage, http, pictures), connect(config) as media_admin:
        await _Bot(config, storage, http, pictures, media_admin).run(ready)


@contextlib.asynccontextmanager
async def _open(config: Config) -> "AsyncIterator[tuple[Storage, Homeserver, Pictures]]":
    """What has to be closed again, in the right order."""
    limits = config.limits
    async with kept(config) as storage:
        pictures = Pictures(limits.picture_bytes, limits.picture_pixels, limits.picture_seconds)
        try:
            async with Homeserver.connect(
                config.matrix.homeserver, limits.request_timeout_seconds, limits.upload_timeout_seconds
            ) as http:
                yield storage, http, pictures
        finally:
            await pictures.close()


@contextlib.asynccontextmanager
async def kept(config: Config) -> AsyncIterator[Storage]:
    """Everything that is kept, up to date, for this process alone.

    Raises:
        OperatorError: another process has it, or it can't be opened.
    """
    with only_one(config.data_dir), contextlib.ExitStack() as stack:
        yield await asyncio.to_thread(stack.enter_context, open_storage(config))


@contextlib.contextmanager
def only_one(data_dir: Path) -> Iterator[None]:
    """Two processes with one device would use message keys twice: refuse the second."""
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (data_dir / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise OperatorError(
                f"data_dir: another courtyard runs with {data_dir}; stop it, or give this one a directory of its own."
            ) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


class _Bot:
    """The parts of the bot and how they hang together."""

    def __init__(
        self, config: Config, storage: Storage, http: Homeserver, pictures: Pictures, media_admin: MediaAdmin | None
    ) -> None:
        limits = config.limits
        self._config = config
        self._db = db = storage.db
        catalogue = Catalogue.load()
        self._spares = Spares(storage.vault, random_id)
        people = People(
            config.chat.language, config.chat.time_zone, self._is_dm, self._spares.take, self._reaches, self._is_in
        )
        outbox = Outbox(people, catalogue, self._wake, copy_edits(config))
        guarded = recovery.Guarded(db.run_sync(recovery.guarded_users))
        parts = features(
            config, outbox, people, lambda text: registry.find(text), self._meet, PictureOutlet(http), guarded
        )
        commands, hooks, renderers = parts.commands, parts.hooks, parts.renderers
        parts.chats.allows = config.access.allows
        operator = config.verification.operator
        confirmations = Confirmations(db, operator, people, outbox) if operator is not None else None
        if confirmations is not None:
            hooks = merged([hooks, confirmations.hooks])
        registry = build_registry(commands, people, catalogue, parts.help_here)
        pipeline = Pipeline(
            db,
            registry,
            hooks,
            outbox,
            people,
            Quotas(
                Rate(limits.person_burst, limits.person_commands_per_minute),
                Rate(limits.server_burst, limits.server_commands_per_minute),
            ),
            config.chat.prefix,
            PictureIntake(http, pictures, limits.picture_bytes, config.matrix.user_id),
            unsigned=config.access.unsigned_devices,
            is_leaving=parts.deletions.farewells.is_leaving,
        )
        # One person can't use up what their server may.
        one_persons_invites = max(1, limits.invites_per_minute // 3)
        invites = Quotas(
            Rate(one_persons_invites, one_persons_invites),
            Rate(limits.invites_per_minute, limits.invites_per_minute),
        )

        per_minute = config.verification.per_minute
        verifications = Quotas(Rate(per_minute, per_minute), Rate(10 * per_minute, 10 * per_minute))

        def accepts_verification(user: UserId) -> bool:
            return config.access.allows(user) and verifications.take(user) is Verdict.PASS

        async def handle(event: Inbound, room: RoomView) -> None:
            # Who is shut out now may be let in again: what was reset meanwhile counts then.
            if isinstance(event, IdentityChanged) or config.access.allows(event.origin.sender):
                await pipeline.handle(event, room)

        def accepts_invite(inviter: UserId, direct: bool) -> bool:
            return config.access.accepts_invite(inviter, dm=direct)

        self._account = MatrixAccount(
            db,
            http,
            storage.sealer,
            account_settings(config),
            handle,
            accepts_invite,
            accepts_verification,
            confirmations,
            lambda inviter: invites.take(inviter) is Verdict.PASS,
            parts.chats,
            guarded,
            parts.deletions.farewells,
            lambda room_id: self._worker.hurry(room_id),
        )
        self._sandbox = Sandbox(config.miniprograms, lambda: guest.artifact(config.data_dir / "guest"))
        self._redraw = Redraw(pictures)
        small = Miniature(http, pictures, limits.picture_bytes)
        apps, door = config.miniprograms, Door.of(config.miniprograms)
        remote = Remote(apps, door, Breakers(apps.remote_failures, apps.remote_pause_seconds))
        self._host = parts.host(db, Runtimes(self._sandbox, remote), self._redraw, Outside(apps, door), small)
        self._programs = parts.programs
        self._erasures = Erasures(db, parts.deletions, storage.vault.destroy)
        self._archives = ArchiveWorker(
            db,
            Attachments(http, pictures),
            people,
            outbox,
            {EXPORT: parts.exports.step, IMPORT: parts.imports.step},
            parts.exports.settings,
        )
        parts.exports.wake = parts.imports.wake = self._archives.wake
        self._media = MediaDeletions(db, media_admin)
        http.uploaded = self._media.uploaded
        parts.moments.on_gone = parts.deletions.on_gone = self._media.wake
        self._retention = Retention(retention_settings(config), people, outbox, parts.moments, parts.deletions)
        if confirmations is not None:
            confirmations.decide = self._account.verification.decide
            confirmations.is_open = self._account.verification.is_open
        self._expiry = Expiry(db, parts.moments, storage.vault.destroy)
        parts.moments.on_expiry = self._expiry.wake
        self._telling = Telling(db, parts.moments.fanout, parts.digests)
        parts.moments.on_post = self._telling.wake
        self._worker = DeliveryWorker(
            db,
            self._account.sender,
            renderers,
            people,
            catalogue,
            max_age_ms=limits.outbox_hold_days * _DAY_MS,
            again=AskAgain(registry),
            budget=outbox.budget,
            beat=Beat(limits.answer_beat_ms),
            left=self._telling.left,
            waited_for=lambda: self._account.handling,
        )
        outbox.at_once = self._worker.at_once

    def _meet(self, a: UserId, b: UserId) -> bool:
        return self._account.rooms.share_room(a, b)

    def _wake(self) -> None:
        self._worker.wake()

    def _is_dm(self, account: AccountId, room_id: RoomId, user: UserId) -> bool:
        return account == self._account.id and self._account.rooms.view(room_id).dm_with == user

    def _reaches(self, account: AccountId, room_id: RoomId, user: UserId) -> bool:
        # What another account has said is another process's to know.
        room = self._account.rooms.get(room_id)
        return account != self._account.id or (room is not None and room.may_take_back(self._account.me, user))

    def _is_in(self, account: AccountId, room_id: RoomId, user: UserId) -> bool:
        room = self._account.rooms.get(room_id)
        joined = room is not None and room.joined and room.members.get(user) == "join"
        return account == self._account.id and joined

    async def run(self, ready: Callable[[str], None]) -> None:
        await self._account.start()
        await self._db.run(lambda tx: install_builtin(tx, self._programs, self._config.miniprograms))
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._worker.run())
                tasks.create_task(self._erasures.run())
                tasks.create_task(self._archives.run())
                tasks.create_task(self._media.run())
                tasks.create_task(self._clean_up())
                tasks.create_task(self._stock_up())
                tasks.create_task(self._expiry.run())
                tasks.create_task(self._telling.run())
                tasks.create_task(self._host.run())
                tasks.create_task(self._account.run(lambda: ready(self._account.me)))
        finally:
            await self._sandbox.close()
            await self._account.close()

    async def _stock_up(self) -> None:
        while True:
            await asyncio.to_thread(self._spares.refill)
            await asyncio.sleep(_STOCK_UP_EVERY_S)

    async def _clean_up(self) -> None:
        """Forget what is only kept for a time."""
        keep_ms = self._config.limits.handled_days * _DAY_MS

        epochs = Epochs(self._config.epoch_dir, self._config.backup.epoch_days)
        while True:
            await self._account.forget_unused_keys(now_ms() - keep_ms)
            await self._db.run(lambda tx: forget_handled(tx, keep_ms))
            await self._db.run(lambda tx: gone.forget_old(tx, keep_ms))
            await self._db.run(PrivateChats.forget_old)
            await self._db.run(undo.forget_old)
            await self._db.run(forget_old_invites)
            await self._db.run(reach.forget_old)
            await self._db.run(pages.forget_gone)
            await self._db.run(jobs.forget_old)
            await self._db.run(forget_old_sessions)
            await self._db.run(lambda tx: forget_failures(tx, self._config.miniprograms))
            await self._db.run(lambda tx: drafts.forget_old(tx, self._config.moments.draft_days * _DAY_MS))
            more = True
            while more:
                more = await self._db.run(self._retention.step)
            await asyncio.to_thread(self._db.scrub_if_due)
            try:
                await asyncio.to_thread(epochs.destroy_ended)
            except OperatorError as error:
                log.error("epoch keys whose time is over could not be destroyed", error=str(error))
            await asyncio.sleep(_CLEAN_UP_EVERY_S)


def forget_handled(tx: Tx, keep_ms: int) -> None:
    """Forget the marks of events that were handled longer ago than `keep_ms`, but for some."""
    mark, old = handled.c.event_id, handled.c.at < tx.now - keep_ms
    # A ciphertext could be said again under another event id for as long as its room key is here (see `pipeline`).
    key = crypto_megolm_inbound.c
    openable = sa.exists().where(
        key.account_id == handled.c.account_id,
        key.session_id == sa.func.substr(mark, len("megolm:") + 1, _SESSION_ID),
    )
    tx.execute(
        handled.delete().where(
            old,
            # A chat is greeted once, however old it is; and who was told of their unsigned device knows it for a year.
            mark.not_like("opened:%"),
            mark.not_like("device:%"),
            sa.or_(mark.not_like("unsigned:%"), handled.c.at < tx.now - max(keep_ms, _YEAR_MS)),
            sa.not_(sa.and_(mark.like("megolm:%"), openable)),
        )
    )


def retention_settings(config: Config) -> RetentionSettings:
    """What is let go when it is old."""
    wanted = config.retention

    def ms(days: int | None) -> int | None:
        return None if days is None else days * _DAY_MS

    return RetentionSettings(
        ms(wanted.moments_days),
        ms(wanted.log_days),
        ms(wanted.requests_days),
        ms(wanted.inactive_days),
        wanted.notice_days * _DAY_MS,
        {
            user_id: {
                what: None if days == "never" else days
                for what, days in (
                    (own_limits.MOMENTS, own.moments_days),
                    (own_limits.LOG, own.log_days),
                    (own_limits.REQUESTS, own.requests_days),
                    (own_limits.INACTIVE, own.inactive_days),
                )
                if days is not None
            }
            for user_id, own in wanted.people.items()
        },
    )


def account_settings(config: Config) -> AccountSettings:
    """How the bot's account logs in and syncs."""
    matrix, limits = config.matrix, config.limits
    return AccountSettings(
        user_id=matrix.user_id,
        password=matrix.password.get_secret_value() if matrix.password is not None else None,
        access_token=matrix.access_token.get_secret_value() if matrix.access_token is not None else None,
        device_id=DeviceId(matrix.device_id) if matrix.device_id is not None else None,
        device_name=matrix.device_name,
        timeline_limit=limits.sync_timeline,
        sync_timeout_s=limits.sync_timeout_seconds,
        sync_pause_ms=limits.sync_pause_ms,
        max_backfill=limits.backfill_events,
        key_wait_ms=limits.key_wait_minutes * 60_000,
        key_notice_ms=limits.key_notice_seconds * 1000,
        exclude_unsigned=config.access.unsigned_devices == "strict",
        first_key_wait_s=limits.first_key_seconds,
        look_back_after_ms=limits.outbox_check_after_minutes * 60_000,
        recovery_key_file=config.recovery_key_file,
        verification=VerificationSettings(
            config.verification.mode, config.verification.total_seconds, config.verification.idle_seconds
        ),
    )


def copy_edits(config: Config) -> Budget:
    """How often copies are edited in place."""
    moments = config.moments
    return Budget(
        moments.copy_edits_per_hour,
        moments.copy_edit_gather_seconds * 1000,
        moments.copy_edit_days * _DAY_MS,
        moments.copy_edits_busy,
    )


def features(
    config: Config,
    outbox: Outbox,
    people: People,
    find: Callable[[str], Found | None],
    meeting: Meeting = lambda a, b: False,
    publish: Publish | None = None,
    guarded: recovery.Guarded | None = None,
) -> Features:
    """Every feature, as the configuration wants it."""
    limits = config.limits
    return compose(
        outbox,
        people,
        find,
        moment_limits=MomentLimits(
            text=limits.post_chars,
            comment=limits.comment_chars,
            named=limits.audience_people,
            page=limits.page_size,
            compact_page=limits.compact_page_size,
            likes_delay_ms=config.moments.likes_gather_seconds * 1000,
            confirm_wider=config.moments.confirm_wider,
            undo_ms=config.moments.undo_seconds * 1000,
            gone_ms=limits.outbox_hold_days * _DAY_MS,
            kept_days=config.retention.moments_days,
            pictures=config.moments.pictures,
            drafts=config.moments.drafts,
            draft_ms=config.moments.draft_days * _DAY_MS,
            gather_ms=config.moments.draft_open_minutes * 60_000,
            schedule_ms=config.moments.schedule_days * _DAY_MS,
            likes=frozenset(config.moments.like_emoji.replace("\ufe0f", "")),
            searched=limits.search_moments,
            digest_minute=config.moments.digest_hour * 60,
        ),
        contact_limits=ContactLimits(
            friends=limits.friends,
            open_requests=limits.pending_requests,
            note=limits.note_chars,
            name=limits.name_chars,
            bio=limits.bio_chars,
            chats_per_day=limits.private_chats_per_day,
            chat_wait_ms=round(limits.private_chat_hours * 3_600_000),
        ),
        installation=Installation(
            config.matrix.user_id,
            config.moments.reactions,
            config.operator_name,
            config.matrix.media_admin_token is not None,
        ),
        meeting=meeting,
        serves=config.access.serves,
        publish=publish,
        guarded=guarded,
        apps_limits=config.miniprograms,
        deletion=DeletionSettings(round(config.erasure.grace_days * _DAY_MS)),
        archives=ArchiveSettings(
            part_bytes=config.archives.part_bytes,
            bytes=config.archives.bytes,
            picture_bytes=limits.picture_bytes,
            per_day=config.archives.per_day,
            entries=config.archives.entries,
            moments=config.archives.moments,
            wait_ms=round(config.archives.wait_hours * 3_600_000),
        ),
    )
