"""Users: make, list, give a role or a password, delete."""

from modelshelf.database import access, requests
from modelshelf.database.database import Transaction
from modelshelf.domain.access import User, role_name, user_name
from modelshelf.domain.credentials import new_password
from modelshelf.domain.errors import AlreadyExists
from modelshelf.domain.events import EventName
from modelshelf.services import passwords
from modelshelf.services.access_part import AccessPart


class Users(AccessPart):
    """Who may come in. All of it is for administrators, except that users set their own passwords."""

    def create_user(self, name: str, *, role: str, password: str | None) -> User:
        """Make a user; None for the password makes one who comes in by tokens only.

        Raises Invalid for a bad name, role or password, AlreadyExists where the name is taken.
        """
        self._administer()
        name, checked, now_ms = user_name(name), role_name(role), self._clock()
        password_hash = "" if password is None else self._hashed(password)
        made = User(name, checked, password is not None, now_ms, self._actor.name, now_ms)
        with self._database.write() as tx:
            if not access.insert_user(tx, made, password_hash=password_hash):
                raise AlreadyExists(f"a user {name!r} exists already; choose another name", user=name)
            data = {"role": checked.value, "password": made.has_password}
            self._append(tx, EventName.USER_CREATED, f"users/{name}", data, now_ms)
        self.changes.note()
        return made

    def users(self) -> list[User]:
        """All users, by name."""
        self._administer()
        with self._database.read() as tx:
            return access.users(tx)

    def set_role(self, name: str, role: str) -> User:
        """Give a user another role; tokens may never do more than their user may. Raises NotFound, Invalid."""
        self._administer()
        checked, now_ms = role_name(role), self._clock()
        with self._database.write() as tx:
            user_id = self._lock_user(tx, name, now_ms)
            before = self._user(tx, name)
            access.set_role(tx, user_id, checked)
            if before.role is not checked:
                data = {"before": before.role.value, "after": checked.value}
                self._append(tx, EventName.USER_ROLE_CHANGED, f"users/{name}", data, now_ms)
            changed = self._user(tx, name)
        self.changes.note()
        return changed

    def set_password(self, name: str, password: str | None) -> User:
        """Give a user another password, or none. Tokens stay as they are. Raises NotFound, Invalid."""
        self._administer_unless_own(name)
        password_hash, now_ms = "" if password is None else self._hashed(password), self._clock()
        with self._database.write() as tx:
            access.set_password_hash(tx, self._lock_user(tx, name, now_ms), password_hash)
            data = {"password": password is not None}
            self._append(tx, EventName.USER_PASSWORD_CHANGED, f"users/{name}", data, now_ms)
            changed = self._user(tx, name)
        self.changes.note()
        return changed

    def delete_user(self, name: str) -> None:
        """Delete a user, and end the tokens; the ledger keeps what the user did. Raises NotFound.

        Their approvals of open requests don't count any more, also not for a later user of the same name.
        """
        self._administer()
        now_ms = self._clock()
        with self._database.write() as tx:
            user_id = self._lock_user(tx, name, now_ms)
            ended = [token.name for token in access.tokens_of(tx, name)]
            access.delete_user(tx, user_id)
            requests.drop_approvals(tx, name)
            self._append(tx, EventName.USER_DELETED, f"users/{name}", {"tokens": ended}, now_ms)
        self.changes.note()

    def _hashed(self, password: str) -> str:
        return passwords.hashed(new_password(password), salt=self._entropy(passwords.SALT_BYTES))

    def _user(self, tx: Transaction, name: str) -> User:
        found = access.user(tx, user_name(name))
        if found is None:
            raise self._no_user(tx, name)
        return found

    def _lock_user(self, tx: Transaction, name: str, now_ms: int) -> int:
        found = access.lock_user(tx, user_name(name), now_ms=now_ms)
        if found is None:
            raise self._no_user(tx, name)
        return found
