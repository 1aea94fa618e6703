"""A stand-in for Entra ID and Microsoft Graph that can be told to lie."""

from syncd.sandbox.entra.authority import Authority, Client
from syncd.sandbox.entra.graph import Rights
from syncd.sandbox.entra.lies import Lie, LieKind
from syncd.sandbox.entra.standin import EntraStandIn, Exchange, Served
from syncd.sandbox.entra.tenant import Tenant

__all__ = ["Authority", "Client", "EntraStandIn", "Exchange", "Lie", "LieKind", "Rights", "Served", "Tenant"]
