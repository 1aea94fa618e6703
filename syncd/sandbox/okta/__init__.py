"""An Okta to test and rehearse against: management API and token endpoint, in memory, which can be told to lie.

Shapes, headers and error bodies are those of the Management API 2026.06.3 and of Okta's documentation; where an official
answer is not known the comment says so.
"""

from syncd.sandbox.okta.faults import FAULTS, OktaFault
from syncd.sandbox.okta.limits import Limit
from syncd.sandbox.okta.org import Org, OrgClock
from syncd.sandbox.okta.standin import OktaStandIn, SeenRequest
from syncd.sandbox.okta.tokens import Application

__all__ = ["FAULTS", "Application", "Limit", "OktaFault", "OktaStandIn", "Org", "OrgClock", "SeenRequest"]
