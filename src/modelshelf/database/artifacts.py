"""Rows of sealed manifests, and of the changeable files of runs and logged models."""

import json
from collections.abc import Sequence

from modelshelf.database import arrays
from modelshelf.database.database import Transaction
from modelshelf.domain.artifacts import ArtifactPath, FileEntry, Listing, Manifest

_AFTER_SLASH = "0"
"""The character behind `/`: all paths below `a/b` lie from `a/b/` up to, but not including, `a/b0`."""


def put_files(tx: Transaction, files: Sequence[FileEntry], *, now_ms: int) -> None:
    """Set what paths hold; in one order, so that writers don't wait in a circle."""
    ordered = sorted(files, key=lambda file: file.path)
    tx.many(
        """
        INSERT INTO files (path, digest, size, modified_ms) VALUES (:path, :digest, :size, :now_ms)
        ON CONFLICT (path) DO UPDATE
        SET digest = excluded.digest, size = excluded.size, modified_ms = excluded.modified_ms
        """,
        [{"path": file.path, "digest": file.digest, "size": file.size, "now_ms": now_ms} for file in ordered],
    )


def file(tx: Transaction, path: ArtifactPath) -> FileEntry | None:
    """The file at a path."""
    row = tx.one("SELECT path, digest, size FROM files WHERE path = :path", path=path.text)
    return FileEntry(row["path"], row["digest"], row["size"]) if row else None


def files_below(tx: Transaction, folder: ArtifactPath) -> list[FileEntry]:
    """All files below a folder, with paths from the store's root."""
    rows = tx.all(
        "SELECT path, digest, size FROM files WHERE path >= :low AND path < :high ORDER BY path",
        low=f"{folder}/",
        high=f"{folder}{_AFTER_SLASH}",
    )
    return [FileEntry(row["path"], row["digest"], row["size"]) for row in rows]


def tree(tx: Transaction, path: ArtifactPath) -> Manifest | None:
    """What a folder, or a single file, holds now, with paths relative to it; None where there is nothing."""
    below = files_below(tx, path)
    if below:
        skipped = len(path.text) + 1
        return Manifest(tuple(FileEntry(entry.path[skipped:], entry.digest, entry.size) for entry in below))
    single = file(tx, path)
    return Manifest((FileEntry(path.name, single.digest, single.size),)) if single else None


def list_folder(tx: Transaction, folder: ArtifactPath | None) -> Listing:
    """What lies directly in a folder."""
    prefix = f"{folder}/" if folder else ""
    rows = tx.all(
        f"""
        SELECT part, MIN(path) AS path, MIN(digest) AS digest, MIN(size) AS size FROM (
            SELECT path, digest, size, CASE
                WHEN {_slash(tx)} = 0 THEN substr(path, :skip)
                ELSE substr(path, :skip, CAST({_slash(tx)} AS INTEGER))
            END AS part
            FROM files WHERE path >= :low AND path < :high
        ) AS below
        GROUP BY part ORDER BY part
        """,
        skip=len(prefix) + 1,
        low=prefix,
        high=f"{folder}{_AFTER_SLASH}" if folder else "\U0010ffff",
    )
    folders = tuple(prefix + row["part"][:-1] for row in rows if row["part"].endswith("/"))
    files = tuple(FileEntry(row["path"], row["digest"], row["size"]) for row in rows if not row["part"].endswith("/"))
    return Listing(folders, files)


def _slash(tx: Transaction) -> str:
    """Where the first slash behind the prefix stands, or 0."""
    rest = "substr(path, :skip)"
    return f"instr({rest}, '/')" if tx.dialect == "sqlite" else f"strpos({rest}, '/')"


def file_above(tx: Transaction, path: ArtifactPath) -> str | None:
    """A file that stands where one of the path's folders would have to be."""
    parts = path.parts
    above = ["/".join(parts[:count]) for count in range(1, len(parts))]
    row = tx.one(
        f"SELECT path FROM files WHERE path IN (SELECT value FROM {arrays.texts(tx, 'above')}) LIMIT 1",
        above=json.dumps(above),
    )
    return row["path"] if row else None


def has_below(tx: Transaction, folder: ArtifactPath) -> bool:
    """Whether a path is a folder."""
    return (
        tx.one(
            "SELECT 1 AS found FROM files WHERE path >= :low AND path < :high LIMIT 1",
            low=f"{folder}/",
            high=f"{folder}{_AFTER_SLASH}",
        )
        is not None
    )


def delete_files(tx: Transaction, path: ArtifactPath) -> int:
    """Remove a file, or all below a folder; how many files it were. They are locked in the order of `put_files`."""
    locked = " FOR UPDATE" if tx.dialect == "postgres" else ""
    return tx.execute(
        f"""
        DELETE FROM files WHERE path IN (
            SELECT path FROM files WHERE path = :path OR (path >= :low AND path < :high) ORDER BY path{locked}
        )
        """,
        path=path.text,
        low=f"{path}/",
        high=f"{path}{_AFTER_SLASH}",
    )


def insert_manifest(tx: Transaction, manifest: Manifest, *, now_ms: int) -> str:
    """Keep a manifest, unless an equal one is there; its id."""
    found = tx.one(
        """
        INSERT INTO manifests (id, file_count, size, created_ms) VALUES (:id, :count, :size, :now_ms)
        ON CONFLICT (id) DO NOTHING RETURNING id
        """,
        id=manifest.id,
        count=len(manifest.files),
        size=manifest.size,
        now_ms=now_ms,
    )
    if found is not None:
        tx.many(
            "INSERT INTO manifest_files (manifest, path, digest, size) VALUES (:manifest, :path, :digest, :size)",
            [
                {"manifest": manifest.id, "path": entry.path, "digest": entry.digest, "size": entry.size}
                for entry in manifest.files
            ],
        )
    return manifest.id


def manifest(tx: Transaction, manifest_id: str) -> Manifest | None:
    """A sealed manifest by its id."""
    rows = tx.all("SELECT path, digest, size FROM manifest_files WHERE manifest = :id ORDER BY path", id=manifest_id)
    if not rows and tx.one("SELECT id FROM manifests WHERE id = :id", id=manifest_id) is None:
        return None
    return Manifest(tuple(FileEntry(row["path"], row["digest"], row["size"]) for row in rows))


def manifest_file(tx: Transaction, manifest_id: str, path: ArtifactPath) -> FileEntry | None:
    """One file of a sealed manifest."""
    row = tx.one(
        "SELECT path, digest, size FROM manifest_files WHERE manifest = :id AND path = :path",
        id=manifest_id,
        path=path.text,
    )
    return FileEntry(row["path"], row["digest"], row["size"]) if row else None


def lock_references(tx: Transaction) -> None:
    """Until the commit, let nobody begin to refer to a blob; waits for those who have begun. (SQLite writers queue.)"""
    if tx.dialect == "postgres":
        tx.execute("LOCK TABLE manifests, manifest_files, files IN SHARE ROW EXCLUSIVE MODE")


def delete_unused_manifests(tx: Transaction, *, created_before_ms: int) -> int:
    """Forget manifests that no version has any more; how many they were."""
    return tx.execute(
        """
        DELETE FROM manifests
        WHERE created_ms <= :limit AND NOT EXISTS (SELECT 1 FROM model_versions v WHERE v.manifest = manifests.id)
        """,
        limit=created_before_ms,
    )


def referenced(tx: Transaction, digests: Sequence[str]) -> set[str]:
    """Those of some digests that a manifest or a file refers to."""
    rows = tx.all(
        f"""
        SELECT value FROM {arrays.texts(tx, "digests")}
        WHERE EXISTS (SELECT 1 FROM manifest_files WHERE digest = value)
            OR EXISTS (SELECT 1 FROM files WHERE digest = value)
        """,
        digests=json.dumps(list(digests)),
    )
    return {row["value"] for row in rows}


def uses_of(tx: Transaction, digest: str, *, limit: int = 5) -> list[str]:
    """Where a digest is used, in words for a report: versions and files."""
    rows = tx.all(
        """
        SELECT m.name || '/' || CAST(v.number AS TEXT) || ': ' || f.path AS place
        FROM manifest_files f
        JOIN model_versions v ON v.manifest = f.manifest
        JOIN registered_models m ON m.id = v.model_id
        WHERE f.digest = :digest
        UNION ALL
        SELECT path AS place FROM files WHERE digest = :digest
        LIMIT :limit
        """,
        digest=digest,
        limit=limit,
    )
    return [row["place"] for row in rows]


def expected_digests(tx: Transaction, after: str, limit: int) -> list[str]:
    """The digests that rows refer to, in order, behind one: what the store must hold."""
    rows = tx.all(
        """
        SELECT digest FROM manifest_files WHERE digest > :after
        UNION SELECT digest FROM files WHERE digest > :after
        ORDER BY digest LIMIT :limit
        """,
        after=after,
        limit=limit,
    )
    return [row["digest"] for row in rows]


def manifest_ids(tx: Transaction, after: str, limit: int) -> list[str]:
    """The ids of sealed manifests, in order, behind one."""
    rows = tx.all("SELECT id FROM manifests WHERE id > :after ORDER BY id LIMIT :limit", after=after, limit=limit)
    return [row["id"] for row in rows]
