"""Team chat with real clients: every event in both directions."""

from __future__ import annotations

import itertools
import time

import pytest

from functions.chat.namespaces import CHAT
from shared.identity.accounts import Account
from shared.realtime import rooms
from tests.e2e.chat import Tab, chat_token, get, haunt, make_channel, tab, unique
from tests.e2e.clients import SECONDS
from tests.e2e.cost import Requests
from tests.e2e.grants import exercised
from tests.e2e.stack import SPLIT_ABOVE, UNAUTHENTICATED_SECONDS
from tests.e2e.world import KINDS, World


def stranger(world: World, kind: str = "js") -> Tab:
    """Open a tab that has not authenticated."""
    return Tab(world.connect(kind, world.ticket("/")), "nobody")


def test_nothing_goes_before_authenticating(world: World, every_kind: str) -> None:
    one = stranger(world, every_kind)
    for event in ("join_channel", "presence:get_online_users", "no:such:event"):
        one.fails(event, 1, "chat:error", "Authentication required")
    one.fails("authenticate", "no token", "auth:error", "Invalid or expired token")
    one.fails("authenticate", {"token": 1}, "auth:error", "Invalid or expired token")
    me = unique("anna")
    one.client.emit("authenticate", chat_token(me))
    assert one.take("authenticated")["userId"] == me
    one.client.emit("authenticate", chat_token(me))
    assert one.take("authenticated")["userId"] == me
    other = chat_token(unique("bert"))
    one.fails("authenticate", other, "auth:error", "Already authenticated as somebody else")


def test_a_suspended_account_may_not_chat(world: World) -> None:
    account = world.people.take("SUSPENDED_USER")
    one = stranger(world)
    token = chat_token(account.id, role="USER")
    one.fails("authenticate", token, "auth:error", "Account suspended")


def test_a_client_that_does_not_authenticate_is_put_out(world: World) -> None:
    known = tab(world, unique("anna"))
    strangers = [stranger(world, kind) for kind in KINDS]
    time.sleep(UNAUTHENTICATED_SECONDS - 3)
    assert not any(one.client.ended.is_set() for one in strangers)
    assert all(one.client.ended.wait(UNAUTHENTICATED_SECONDS + SECONDS) for one in strangers)
    assert known.ask("presence:set_status", "online") is None
    assert not known.client.ended.is_set()


def test_a_conversation(world: World, kind: str) -> None:
    number = int(time.time() * 1000)
    make_channel(world, number)
    anna = tab(world, unique("anna"), kind, joins=number)
    bert = tab(world, unique("bert"), joins=str(number))
    joined = anna.take("user_joined", userId=bert.person_id)
    assert joined.pop("joinedAt").endswith("Z")
    assert joined == {
        "userId": bert.person_id,
        "userDisplayName": bert.name,
        "userRole": "AGENT",
        "channelId": number,
    }
    text = "<b>Hi</b>\u0007 \U0001f600 \u202e"
    asked = {"channelId": number, "message": text, "messageType": "text", "replyToId": None}
    assert anna.ask("chat:send_message", asked) is None
    mine, theirs = anna.take("chat:new_message"), bert.take("chat:new_message")
    assert mine.keys() == {
        "id", "channelId", "userId", "userDisplayName", "message", "messageType", "replyToId",
        "timestamp",
    }  # fmt: skip
    assert mine["message"] == text
    assert mine["channelId"] == number
    assert theirs == mine | {"channelId": str(number)}

    reply = {"channelId": number, "message": "Ho", "messageType": "gif", "replyToId": mine["id"]}
    bert.ask("chat:send_message", reply)
    answer = anna.take("chat:new_message", replyToId=mine["id"])
    bert.ask("message_read", {"channelId": str(number), "messageId": mine["id"]})
    receipt = anna.take("message_read_receipt")
    assert receipt.pop("readAt").endswith("Z")
    assert receipt == {
        "userId": bert.person_id,
        "userDisplayName": bert.name,
        "channelId": number,
        "messageId": mine["id"],
    }
    bert.ask("chat:typing", {"channelId": number, "isTyping": True})
    assert anna.take("chat:user_typing") == {
        "userId": bert.person_id,
        "userDisplayName": bert.name,
        "isTyping": True,
    }
    page = get(world, f"/channels/{number}/messages?limit=1", anna.person_id).body
    assert [one["id"] for one in page["items"]] == [answer["id"]]
    assert page["unread"] == 1
    path = f"/channels/{number}/messages?cursor={page['cursor']}"
    older = get(world, path, anna.person_id).body
    assert older["items"] == [mine | {"readBy": 1}]
    assert older["cursor"] is None
    thread = get(world, f"/channels/{number}/messages?replyToId={mine['id']}", anna.person_id)
    assert [one["id"] for one in thread.body["items"]] == [answer["id"]]

    bert.ask("leave_channel", str(number))
    left = anna.take("user_left")
    assert (left["userId"], left["channelId"], left["reason"]) == (bert.person_id, number, "leave")
    assert not bert.all("chat:user_typing")
    assert not anna.all("chat:new_message")


def test_of_quick_changes_the_last_one_arrives(world: World) -> None:
    channel = unique("quick")
    make_channel(world, channel)
    anna, bert = (tab(world, unique(name), joins=channel) for name in ("anna", "bert"))
    for typing in (True, True, False):
        anna.client.emit("chat:typing", {"channelId": channel, "isTyping": typing})
    for status in ("busy", "online", "away"):
        anna.client.emit("presence:set_status", status)
    bert.take("chat:user_typing", isTyping=False)
    bert.take("presence_updated", userId=anna.person_id, status="away")


def test_files_and_changes_reach_the_sender_too(world: World) -> None:
    channel = unique("files")
    make_channel(world, channel)
    anna, bert = (tab(world, unique(name), joins=channel) for name in ("anna", "bert"))
    file = {"channelId": channel, "fileName": "a.txt", "fileSize": 12, "fileType": "text/plain"}
    anna.ask("file_uploaded", file | {"messageId": "m1"})
    anna.ask("channel_updated", {"channelId": channel, "changes": {"name": "New"}})
    for one in (anna, bert):
        told = one.take("file_upload_notification")
        assert told.pop("uploadedAt").endswith("Z")
        who = {"uploadedBy": anna.person_id, "uploaderName": anna.name}
        assert told == file | who | {"messageId": "m1"}
        changed = one.take("channel_updated")
        assert changed.pop("updatedAt").endswith("Z")
        assert changed == {
            "channelId": channel,
            "changes": {"name": "New"},
            "updatedBy": anna.person_id,
            "updaterName": anna.name,
        }


def test_a_broadcast_reaches_everybody(world: World) -> None:
    admin = tab(world, unique("admin"), role="ADMIN", permissions=None)
    other = tab(world, unique("anna"), permissions=None)
    granted = tab(world, unique("bert"), permissions=["chat.send_broadcasts"])
    refusal = "You do not have the permission chat.send_broadcasts"
    other.fails("system_broadcast", {"message": "x"}, "broadcast:error", refusal)
    for sender in (admin, granted):
        text = unique("Maintenance")
        assert sender.ask("system_broadcast", {"message": text, "priority": "high"}) is None
        for one in (admin, other, granted):
            told = one.take("system_broadcast_received", message=text)
            assert told.keys() == {"message", "priority", "from", "broadcastAt", "broadcastId"}
            assert told["from"] == sender.name


REFUSED = [
    ("join_channel", 1, "chat.access", "chat:error"),
    ("chat:typing", {"channelId": 1, "isTyping": True}, "chat.access", "chat:error"),
    ("message_read", {"channelId": 1}, "chat.access", "chat:error"),
    ("chat:send_message", {"channelId": 1, "message": "x"}, "chat.send_messages", "chat:error"),
    ("channel_updated", {"channelId": 1, "changes": {}}, "chat.manage_channels", "chat:error"),
    ("update_presence", {"status": "busy"}, "chat.access", "presence:error"),
    ("presence:set_status", "busy", "chat.access", "presence:error"),
    ("call:invite", {"targetUserId": "x", "callType": "audio", "offer": 1}, "call.audio", None),
    ("call:invite", {"targetUserId": "x", "callType": "video", "offer": 1}, "call.video", None),
]


def test_permissions_are_needed(world: World) -> None:
    one = tab(world, unique("anna"), permissions=[])
    for event, payload, permission, error_event in REFUSED:
        text = f"You do not have the permission {permission}"
        one.fails(event, payload, error_event or "chat:error", text)


def test_the_accounts_permissions_win(world: World) -> None:
    me = unique("anna")
    world.stack.save(Account(id=me, role="AGENT", name=f"Name of {me}", permissions=["call.audio"]))
    one = tab(world, me)
    refusal = "You do not have the permission chat.access"
    one.fails("join_channel", 1, "chat:error", refusal)
    assert get(world, "/channels/1/messages", me).status == 403


def test_wrong_shapes_are_named(world: World) -> None:
    channel = unique("shapes")
    make_channel(world, channel)
    one = tab(world, unique("anna"), joins=channel)
    message = {"channelId": channel, "message": "x", "messageType": "text"}
    for payload, text in (
        (message | {"message": ""}, "message: expected str of length >= 1"),
        (message | {"message": "x" * 8001}, "message: expected str of length <= 8000"),
        (message | {"messageType": "video"}, "messageType: invalid enum value 'video'"),
        (message | {"channelId": "elsewhere"}, "Join the channel first"),
        (message | {"replyToId": "none"}, "Message not found"),
        ({"message": "x"}, "channelId is required"),
    ):
        one.fails("chat:send_message", payload, "chat:error", text)
    assert one.ask("chat:send_message", message | {"message": "\U0001f600" * 8000}) is None
    one.fails("join_channel", "elsewhere", "chat:error", "Channel not found")
    one.fails("no:such:event", 1, "chat:error", "Unknown event: no:such:event")
    assert one.ask("join_channel", channel) is None


def test_a_private_channel(world: World) -> None:
    channel, member, other = unique("private"), unique("anna"), unique("bert")
    stays = unique("carl")
    make_channel(world, channel, private=True, members=[member, stays])
    inside, outside = tab(world, member, joins=channel), tab(world, other)
    witness = tab(world, stays, joins=channel)
    outside.fails("join_channel", channel, "chat:error", "Channel not found")
    path = f"/channels/{channel}/messages"
    assert get(world, path, other).status == 403
    assert get(world, path, member).status == 200
    assert get(world, path, member, permissions=[]).status == 403
    assert world.stack.get(path).status == 401
    make_channel(world, channel, private=True, members=[other, stays])
    witness.take("user_left", userId=member)
    message = {"channelId": channel, "message": "x"}
    inside.fails("chat:send_message", message, "chat:error", "Join the channel first")


@pytest.mark.parametrize("go", ["leave", "drop"])
def test_the_last_tab_is_what_counts(world: World, go: str) -> None:
    channel, me = unique("tabs"), unique("anna")
    make_channel(world, channel)
    other = tab(world, unique("bert"), joins=channel)
    first, second = (tab(world, me, joins=channel) for _ in range(2))
    assert other.take("user_joined", userId=me)
    listed = other.ask("presence:get_online_users")
    assert {"userId": me, "status": "online", "connectionCount": 2} in listed
    assert second.ask("update_presence", {"status": "away", "statusMessage": "Lunch"}) is None
    for one in (first, second, other):
        updated = one.take("presence_updated", userId=me, status="away")
        assert updated.pop("timestamp").endswith("Z")
        assert updated == {
            "userId": me,
            "userDisplayName": first.name,
            "status": "away",
            "statusMessage": "Lunch",
            "customStatus": None,
            "reason": "status_change",
        }
        assert one.take("presence:update", userId=me, status="away")["connectionCount"] == 2
    getattr(first.client, go)()
    world.stack.wait_connections("/", me, 1)
    other.gets_no("user_left")
    getattr(second.client, go)()
    left = other.take("user_left", userId=me)
    assert left["reason"] == "disconnect"
    offline = other.take("presence_updated", userId=me, status="offline")
    assert offline["reason"] == "disconnect"
    gone = {"userId": me, "status": "offline", "connectionCount": 0}
    assert other.take("presence:update", userId=me, status="offline") == gone
    other.gets_no("user_left")
    assert me not in str(other.ask("presence:get_online_users"))
    tab(world, me)
    back = other.take("presence_updated", userId=me, status="online")
    assert back["reason"] == "status_change"


def invite(caller: Tab, callee: Tab, *tabs: Tab, call_type: str = "audio") -> str:
    """Let a tab call another person, check that all tabs ring, and return the call's id."""
    offer = {"sdp": "x" * 30_000}
    asked = {"targetUserId": callee.person_id, "callType": call_type, "offer": offer}
    call_id: str = caller.ask("call:invite", asked)["callId"]
    for one in (callee, *tabs):
        assert one.take("call:incoming", callId=call_id) == {
            "callId": call_id,
            "from": caller.person_id,
            "fromName": caller.name,
            "callType": call_type,
            "offer": offer,
        }
    return call_id


def status(world: World, person_id: str) -> tuple[str, str]:
    """Return the product and the status of a person's last call."""
    call = get(world, "/calls", person_id).body["items"][0]
    return call["product"], call["status"]


def test_a_call(world: World, kind: str) -> None:
    anna, callee = tab(world, unique("anna"), kind), unique("bert")
    bert, second = tab(world, callee, kind), tab(world, callee)
    stranger = tab(world, unique("carl"))
    call_id = invite(anna, bert, second)
    candidate = {"targetUserId": callee, "candidate": {"n": 1}}
    assert anna.ask("call:ice_candidate", candidate) is None
    for one in (bert, second):
        told = one.take("call:ice_candidate")
        assert told == {"from": anna.person_id, "candidate": {"n": 1}}
    stranger.fails("call:ice_candidate", candidate, "chat:error", "Call not found")
    stranger.fails("call:end", {"callId": call_id}, "chat:error", "Call not found")
    wrong = {"callId": call_id, "answer": 1, "targetUserId": stranger.person_id}
    bert.fails("call:accept", wrong, "chat:error", "targetUserId: not the other party of the call")
    right = wrong | {"targetUserId": anna.person_id}
    anna.fails("call:accept", right | {"targetUserId": callee}, "chat:error", "Call not found")
    assert bert.ask("call:accept", right) is None
    assert anna.take("call:accepted") == {"callId": call_id, "answer": 1}
    assert second.take("call:ended") == {"callId": call_id}
    second.fails("call:accept", right, "chat:error", "Call is no longer available")
    assert anna.ask("call:end", {"callId": call_id, "targetUserId": callee}) is None
    assert bert.take("call:ended") == {"callId": call_id}
    second.gets_no("call:ended")
    assert not anna.all("call:ended")
    bert.fails("call:end", {"callId": call_id}, "chat:error", "Call is no longer available")
    assert status(world, callee) == status(world, anna.person_id) == ("chat", "COMPLETED")


def test_calls_that_come_to_nothing(world: World) -> None:
    anna, callee = tab(world, unique("anna")), unique("bert")
    bert, second = tab(world, callee), tab(world, callee)
    call_id = invite(anna, bert, second, call_type="video")
    assert bert.ask("call:reject", {"callId": call_id}) is None
    assert anna.take("call:rejected") == {"callId": call_id}
    assert second.take("call:ended") == {"callId": call_id}
    assert status(world, callee) == ("chat", "REJECTED")
    call_id = invite(anna, bert, second)
    assert anna.ask("call:end", {"callId": call_id}) is None
    for one in (bert, second):
        assert one.take("call:ended") == {"callId": call_id}
    assert status(world, callee) == ("chat", "CANCELLED")
    call_id = invite(anna, bert, second)
    for one in (anna, bert, second):  # the call is not answered
        assert one.take("call:ended") == {"callId": call_id}
    assert status(world, callee) == ("chat", "MISSED")
    offline = {"targetUserId": unique("nobody"), "callType": "audio", "offer": 1}
    anna.fails("call:invite", offline, "chat:error", "User is offline")


@pytest.mark.parametrize("caller_goes", [True, False])
def test_a_call_ends_when_a_party_has_gone(world: World, caller_goes: bool) -> None:
    anna, bert = tab(world, unique("anna")), tab(world, unique("bert"))
    call_id = invite(anna, bert)
    assert bert.ask("call:accept", {"callId": call_id, "answer": 1}) is None
    goes, stays = (anna, bert) if caller_goes else (bert, anna)
    goes.client.drop()
    assert stays.take("call:ended") == {"callId": call_id}
    assert status(world, stays.person_id) == ("chat", "COMPLETED")


def test_a_lost_disconnect_is_found_by_whoever_posts(world: World) -> None:
    """A person's connection is gone, and only a message to their channel shows it."""
    channel, ghost = unique("lost"), unique("ghost")
    make_channel(world, channel)
    anna = tab(world, unique("anna"), joins=channel)
    haunt(world, ghost, channel=channel)
    anna.ask("chat:send_message", {"channelId": channel, "message": "Anybody there?"})
    left = anna.take("user_left", userId=ghost)
    assert left["reason"] == "disconnect"
    assert anna.take("presence_updated", userId=ghost)["status"] == "offline"


def test_a_broadcast_to_many_goes_out_shard_by_shard(world: World) -> None:
    """One shard has too many members, and the connections of all of them are gone."""
    anna, boss = tab(world, unique("anna")), tab(world, unique("boss"), role="ADMIN")
    Requests(world.stack.logs).settle()  # earlier broadcasts also find connections that are gone
    with world.stack.direct_access():
        key = rooms.shard(CHAT.path, "gone")
        names = (
            name for name in map(str, itertools.count()) if rooms.shard(CHAT.path, name) == key
        )
    haunt(world, *(unique("ghost") for _ in range(SPLIT_ABOVE + 1)), connection_ids=names)
    assert boss.ask("system_broadcast", {"message": "To all", "priority": "high"}) is None
    for one in (anna, boss):
        one.take("system_broadcast_received", message="To all")
    for one in (anna, boss):
        one.gets_no("system_broadcast_received")
    used = exercised(world.stack.logs / "requests.jsonl", world.stack.environment)
    assert ("broadcast", "may", "send-shard") in used
