"""All pages and actions: which function makes what lies at a path. A new page is a line in its module's ROUTES."""

from typing import Final

from modelshelf.ui import (
    actions_deletes,
    actions_gates,
    actions_moves,
    actions_requests,
    actions_rollouts,
    actions_texts,
    actions_webhooks,
    pages_compare,
    pages_gates,
    pages_health,
    pages_ledger,
    pages_model,
    pages_models,
    pages_requests,
    pages_rollouts,
    pages_session,
    pages_tracking,
    pages_version,
    pages_webhooks,
)
from modelshelf.ui.exchange import Routes

SIGN_IN: Final = pages_session.SIGN_IN
OPEN: Final = frozenset({pages_session.SIGN_IN, pages_session.THEME})
"""Paths that are answered before it is known who asks: nothing of the shelf is on them."""

ROUTES: Final[Routes] = {
    **pages_models.ROUTES,
    **pages_model.ROUTES,
    **pages_version.ROUTES,
    **pages_compare.ROUTES,
    **pages_tracking.ROUTES,
    **pages_session.ROUTES,
    **actions_moves.ROUTES,
    **actions_texts.ROUTES,
    **actions_deletes.ROUTES,
    **pages_requests.ROUTES,
    **pages_gates.ROUTES,
    **pages_rollouts.ROUTES,
    **pages_ledger.ROUTES,
    **pages_webhooks.ROUTES,
    **pages_health.ROUTES,
    **actions_requests.ROUTES,
    **actions_gates.ROUTES,
    **actions_rollouts.ROUTES,
    **actions_webhooks.ROUTES,
}
