from __future__ import annotations

import logging

import pytest

from sla.notifications import slack
from tests.sla import slack_server

SECRET = "/services/T000/B000/s3cr3t"


def anywhere(_address: str) -> bool:
    return True


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("http://hooks.slack.com/services/x", "must begin with https"),
        ("https://hooks.slack.com.evil.example/services/x", "one of hooks.slack.com"),
        ("https://169.254.169.254/latest/meta-data", "one of hooks.slack.com"),
        ("https://hooks.slack.com:8443/services/x", "one of hooks.slack.com"),
        ("https://hooks.slack.com@evil.example/services/x", "user name"),
        ("https://me:pw@hooks.slack.com/services/x", "user name"),
        ("https://evil.example\\@hooks.slack.com/services/x", "user name"),
        ("https://hooks.slack.com/", "incomplete"),
        ("https://hooks.slack.com/services/x\r\nHost: evil", "plain characters"),
        ("https://hooks.slack.com/services/x y", "plain characters"),
        ("https://hooks.slack.com/" + "x" * 300, "300"),
        ("https://[hooks.slack.com/x", "no address"),
        ("https://hooks.slack.com:port/x", "no address"),
        ("file:///etc/passwd", "must begin with https"),
        ("", "plain characters"),
    ],
)
def test_an_address_that_is_none_of_slacks_is_refused_with_the_rule(url: str, rule: str) -> None:
    with pytest.raises(slack.BadWebhook, match=rule):
        slack.check_webhook(url)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "0.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "224.0.0.1",
        "255.255.255.255", "::1", "::", "fe80::1%eth0", "fd00::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8",
        "64:ff9b::7f00:1", "2002:7f00:1::", "2001:0:7f00:1::",
    ],
)  # fmt: skip
def test_an_address_of_a_private_network_is_not_public(address: str) -> None:
    assert not slack.is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "3.68.170.153", "2a05:d014::1"])
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert slack.is_public(address)


def test_a_name_that_leads_to_this_machine_is_not_connected_to(channel: slack_server.Channel) -> None:
    with pytest.raises(slack.BadWebhook, match="private network"):
        slack.post_message(f"https://{channel.address}{SECRET}", "Hello")

    assert channel.lines == []


def test_a_line_arrives_under_the_name_that_was_asked_for(channel: slack_server.Channel) -> None:
    slack.post_message(f"https://{channel.address}{SECRET}", "Hello", may_reach=anywhere)

    assert (channel.lines, channel.hosts) == (["Hello"], [channel.address])


def test_each_address_of_the_name_is_checked_once_before_any_is_connected_to(channel: slack_server.Channel) -> None:
    asked: list[str] = []

    slack.post_message(
        f"https://{channel.address}{SECRET}", "Hello", may_reach=lambda address: asked.append(address) is None
    )

    assert len(asked) == len(set(asked))
    assert set(asked) <= {"127.0.0.1", "::1"}


@pytest.mark.parametrize("status", [302, 404, 410, 429, 500])
def test_an_answer_that_is_no_success_is_told_by_its_number_alone(channel: slack_server.Channel, status: int) -> None:
    channel.status = status

    with pytest.raises(slack.NotDelivered, match=rf"^HTTP {status}$"):
        slack.post_message(f"https://{channel.address}{SECRET}", "Hello", may_reach=anywhere)

    assert len(channel.lines) == 1


def test_a_server_that_says_nothing_is_waited_for_three_seconds(
    channel: slack_server.Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slack, "SECONDS", 0.3)
    channel.silent = True

    with pytest.raises(slack.NotDelivered, match="No answer within"):
        slack.post_message(f"https://{channel.address}{SECRET}", "Hello", may_reach=anywhere)


def test_a_certificate_nobody_vouches_for_is_refused(
    channel: slack_server.Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")

    with pytest.raises(slack.NotDelivered, match="encrypted connection"):
        slack.post_message(f"https://{channel.address}{SECRET}", "Hello", may_reach=anywhere)


def test_the_secret_is_in_no_error_and_no_log_line(
    channel: slack_server.Channel, caplog: pytest.LogCaptureFixture
) -> None:
    channel.status = 404

    with caplog.at_level(logging.DEBUG), pytest.raises(slack.NotDelivered) as failure:
        slack.post_message(f"https://{channel.address}{SECRET}", "Hello", may_reach=anywhere)

    assert "s3cr3t" not in caplog.text + repr(failure.value)
    assert slack.mask_webhook(f"https://hooks.slack.com{SECRET}") == "hooks.slack.com/services/T…/…cr3t"


def test_a_leads_words_mention_nobody_and_link_nowhere() -> None:
    quoted = slack.quote_text("<!channel> @here <https://evil.example|Clara> & https://evil.example\nana@evil.example")

    assert quoted.replace("\u2060", "|") == (
        "&lt;!channel&gt; @|here &lt;https:|//evil.|example|Clara&gt; &amp; https:|//evil.|example ana@|evil.|example"
    )
