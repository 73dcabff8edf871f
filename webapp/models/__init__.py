"""The domain: one noun each. Views and actors call these; nothing here knows of requests or templates."""

from webapp.models.document import Document
from webapp.models.feedback import Feedback
from webapp.models.imports import Import
from webapp.models.member import Member, Role, SignIn
from webapp.models.model_limits import ModelLimits
from webapp.models.model_server import ModelServer
from webapp.models.node import Node, NodeUse
from webapp.models.presence import Presence
from webapp.models.prompt import Prompt
from webapp.models.reads import Reads
from webapp.models.revision import Revision
from webapp.models.rewarming import Rewarming
from webapp.models.rewarming_item import RewarmingItem
from webapp.models.setup import Setup
from webapp.models.source import Source
from webapp.models.summary import Lane, Status, Summary
from webapp.models.tryout import TryOut

__all__ = [
    "Document",
    "Feedback",
    "Import",
    "Lane",
    "Member",
    "ModelLimits",
    "ModelServer",
    "Node",
    "NodeUse",
    "Presence",
    "Prompt",
    "Reads",
    "Revision",
    "Rewarming",
    "RewarmingItem",
    "Role",
    "Setup",
    "SignIn",
    "Source",
    "Status",
    "Summary",
    "TryOut",
]
