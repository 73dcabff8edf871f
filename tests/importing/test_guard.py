"""Which links lead where: nothing private, in whatever spelling, and no second answer of a name server."""

import threading
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from time import monotonic

import httpcore2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.importing.sites import loopback_only
from webapp.importing.extracted import MESSAGES, ImportFailure, message
from webapp.importing.guard import PRIVATE_NETWORKS, Guard, is_public
from webapp.importing.guarded import GuardedBackend

PUBLIC = "93.184.215.14"
FORBIDDEN_HOSTS = [
    "127.0.0.1", "127.8.8.8", "127.0.0.1.", "0.0.0.0",  # noqa: S104 nothing is bound to it
    "10.0.0.1", "172.16.0.1", "172.31.255.255",
    "192.168.1.1", "169.254.169.254", "100.64.0.1", "100.127.255.255", "192.0.2.1", "192.88.99.1",
    "198.18.0.1", "224.0.0.1", "224.0.1.1", "239.255.255.250", "240.0.0.1", "255.255.255.255", "[::]",
    "[::1]", "[fe80::1]", "[fc00::1]", "[fd00:ec2::254]", "[fec0::1]", "[ff02::1]", "[ff0e::1]",
    "[2001:db8::1]", "[3fff::1]", "[100::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::ffff:a9fe:a9fe]",
    "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b::10.0.0.1]", "[64:ff9b:1::808:808]", "[2002:7f00:1::]",
    "[2002:808:808::1]", "[2001:0:4136:e378:8000:63bf:3fff:fdd2]", "[5f00::1]", "2130706433", "017700000001",
    "0x7f000001", "0x7F.1", "127.1", "127.0.1", "0177.0.0.1", "0x7f.0x0.0x0.0x1", "0", "167772161",
    "１２７.０.０.１", "①②⑦.0.0.1", "127。0。0。1",
]  # fmt: skip
BAD_ADDRESSES = [
    "", "example.org", "//example.org/", "http:", "http://", "http:///path", "http://:80/",
    "file:///etc/passwd", "gopher://example.org/_GET", "ftp://example.org/", "javascript:alert(1)",
    "data:text/html,hello", "ws://example.org/", "HTTPX://example.org/",
    "http://alice@example.org/", "http://alice:secret@example.org/", "http://@example.org/",
    "http://example.org:22/", "http://example.org:25/", "http://example.org:0/", "http://example.org:6667/",
    "http://example.org:65536/", "http://example.org:port/", "http://example.org:-80/",
    "http://exa mple.org/", "http://exa\nmple.org/", "http://example.org/\x00", "http://%31%32%37.0.0.1/",
    "http://example..org/", "http://.example.org/", "http://example.org\\@127.0.0.1/", "http://a<b>/",
    "http://[fe80::1%25eth0]/", "http://[fe80::1%eth0]/", "http://[::1/", "http://[example.org]/",
    "http://256.1.1.1/", "http://1.2.3.4.5/", "http://example.0x7f/", "http://xn--a/" + "a" * 2_000,
]  # fmt: skip


@pytest.fixture(autouse=True)
def attempts() -> Iterator[list[str]]:
    with loopback_only() as attempts:
        yield attempts


def code_of(url: str, guard: Guard | None = None) -> str:
    with pytest.raises(ImportFailure) as failure:
        (guard or Guard()).checked(url)
    return failure.value.code


@pytest.mark.parametrize("host", FORBIDDEN_HOSTS)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_no_link_leads_into_a_private_network(scheme: str, host: str) -> None:
    assert code_of(f"{scheme}://{host}/") == "forbidden_address"
    assert code_of(f"{scheme}://{host}:8080/latest/meta-data") == "forbidden_address"


@pytest.mark.parametrize("url", BAD_ADDRESSES)
def test_what_is_no_link_to_a_page_is_refused(url: str) -> None:
    assert code_of(url) == "bad_address"


@pytest.mark.parametrize(
    ("url", "plain"),
    [
        ("HTTP://Example.ORG", "http://example.org/"),
        (" https://example.org/a/../b?q=1#part \n", "https://example.org/a/../b?q=1"),
        ("https://example.org:443/", "https://example.org/"),
        ("https://example.org:80/", "https://example.org:80/"),
        ("http://example.org:8080/x", "http://example.org:8080/x"),
        ("https://bücher.example/", "https://xn--bcher-kva.example/"),
        ("https://例え.テスト/", "https://xn--r8jz45g.xn--zckzah/"),
        ("https://my_site.example.org./", "https://my_site.example.org./"),
        ("http://0x5db8d70e/", f"http://{PUBLIC}/"),
        ("http://[2606:2800:21F:CB07:6820:80DA:AF6B:8B2C]:8080/", "http://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]:8080/"),
        ("http://[64:ff9b::5db8:d70e]/", f"http://{PUBLIC}/"),
    ],
)  # fmt: skip
def test_a_public_link_comes_back_in_its_plain_form(url: str, plain: str) -> None:
    assert Guard().checked(url) == plain


@given(st.text(max_size=60) | st.text(alphabet="htp:/@[]%.0x12789af\\#?", max_size=40).map("http://".__add__))
def test_no_text_gets_past_with_another_error(text: str) -> None:
    try:
        checked = Guard().checked(text)
    except ImportFailure:
        return
    assert Guard().checked(checked) == checked


@given(st.integers(0, 2**32 - 1))
def test_an_address_is_judged_the_same_in_every_spelling(number: int) -> None:
    address = IPv4Address(number)
    high, rest = divmod(number, 2**24)
    spellings = [
        str(address),
        str(number),
        hex(number),
        f"0{number:o}",
        f"{high}.{rest}",
        f"0{high:o}.{rest:#x}",
    ]
    spellings += [f"[::ffff:{address}]", f"[64:ff9b::{address}]"]
    for spelling in spellings:
        if is_public(address):
            assert Guard().checked(f"http://{spelling}/") == f"http://{address}/"
        else:
            assert code_of(f"http://{spelling}/") == "forbidden_address"


@given(st.integers(0, 2**128 - 1))
def test_only_addresses_in_use_are_public(number: int) -> None:
    address = IPv6Address(number)
    assert (
        not is_public(address) or address in ip_network("2000::/3") or address in ip_network("64:ff9b::/96")
    )


def test_an_admin_can_open_the_private_networks_and_only_those() -> None:
    guard = Guard(networks=PRIVATE_NETWORKS)
    assert guard.checked("http://192.168.1.1/") == "http://192.168.1.1/"
    assert guard.checked("http://[::ffff:10.0.0.1]/") == "http://10.0.0.1/"
    assert guard.checked("http://[fd12::1]/") == "http://[fd12::1]/"
    for host in ("127.0.0.1", "169.254.169.254", "100.64.0.1", "[fe80::1]", "[::1]", "0"):
        assert code_of(f"http://{host}/", guard) == "forbidden_address"


class Opened(httpcore2.NetworkStream):
    """A connection that was opened in name only."""

    def __init__(self, peer: str) -> None:
        self.peer = peer
        self.is_closed = False
        self.waits: list[float | None] = []

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self.waits.append(timeout)
        return b""

    def get_extra_info(self, info: str) -> object:
        return (self.peer, 80) if info == "server_addr" else None

    def close(self) -> None:
        self.is_closed = True


class Network:
    """Stands where connections are opened: nothing is sent. `peers` says who answers instead of who was asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[str] = []
        self.opened: list[Opened] = []
        self.dead: set[str] = set()
        self.peers: dict[str, str] = {}
        monkeypatch.setattr(httpcore2.SyncBackend, "connect_tcp", self.connect)

    def connect(self, host: str, port: int, timeout: float) -> Opened:
        self.asked.append(host)
        if host in self.dead:
            raise httpcore2.ConnectTimeout
        self.opened.append(Opened(self.peers.get(host, host)))
        return self.opened[-1]


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Network:
    return Network(monkeypatch)


def backend(*answers: str, seconds: float = 60.0) -> GuardedBackend:
    return GuardedBackend(Guard(), monotonic() + seconds, lambda host: list(answers))


def test_a_connection_goes_to_the_judged_address_and_not_to_the_name(network: Network) -> None:
    backend(PUBLIC).connect_tcp("docs.example", 80, 10.0)
    assert network.asked == [PUBLIC]


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "10.0.0.1", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "fe80::1%2"]
)
def test_a_name_with_a_private_address_is_refused_before_it_is_asked(network: Network, host: str) -> None:
    with pytest.raises(ImportFailure) as failure:
        backend(host).connect_tcp("docs.example", 80, 10.0)
    assert (failure.value.code, network.asked) == ("forbidden_address", [])


def test_of_a_name_with_both_only_the_public_address_is_asked(network: Network) -> None:
    backend("127.0.0.1", PUBLIC, "10.0.0.1").connect_tcp("docs.example", 80, 10.0)
    assert network.asked == [PUBLIC]


def test_a_private_number_is_refused_at_connect_too(network: Network) -> None:
    """Whoever comes past `checked`, by a redirect that nobody checked, say, ends here."""
    with pytest.raises(ImportFailure) as failure:
        backend(PUBLIC).connect_tcp("127.0.0.1", 80, 10.0)
    assert (failure.value.code, network.asked) == ("forbidden_address", [])


def test_a_second_answer_of_the_name_server_is_judged_again(network: Network) -> None:
    """S08: the first answer is public, the second is this machine."""
    answers = iter([[PUBLIC], ["127.0.0.1"]])
    rebound = GuardedBackend(Guard(), monotonic() + 60, lambda host: next(answers))
    rebound.connect_tcp("docs.example", 80, 10.0)
    with pytest.raises(ImportFailure) as failure:
        rebound.connect_tcp("docs.example", 80, 10.0)
    assert (failure.value.code, network.asked) == ("forbidden_address", [PUBLIC])


def test_the_other_end_of_the_open_connection_is_judged_and_hung_up_on(network: Network) -> None:
    network.peers[PUBLIC] = "127.0.0.1"
    with pytest.raises(ImportFailure) as failure:
        backend(PUBLIC).connect_tcp("docs.example", 80, 10.0)
    assert (failure.value.code, network.opened[0].is_closed) == ("forbidden_address", True)


def test_the_next_address_is_asked_when_the_first_is_dead(network: Network) -> None:
    network.dead = {"2606:2800:21f::1"}
    backend("2606:2800:21f::1", PUBLIC).connect_tcp("docs.example", 80, 10.0)
    assert network.asked == ["2606:2800:21f::1", PUBLIC]


def test_not_more_than_four_addresses_are_asked(network: Network) -> None:
    network.dead = {f"93.184.215.{n}" for n in range(20)}
    with pytest.raises(httpcore2.ConnectTimeout):
        backend(*sorted(network.dead)).connect_tcp("docs.example", 80, 10.0)
    assert len(network.asked) == 4


def test_a_name_server_that_does_not_answer_is_not_waited_for(network: Network) -> None:
    never = threading.Event()

    def silent(host: str) -> list[str]:
        never.wait(60)
        return [PUBLIC]

    with pytest.raises(httpcore2.ConnectTimeout):
        GuardedBackend(Guard(), monotonic() + 60, silent).connect_tcp("docs.example", 80, 0.05)
    never.set()
    assert network.asked == []


def test_nothing_is_asked_once_the_time_is_over(network: Network) -> None:
    with pytest.raises(httpcore2.ConnectTimeout):
        backend(PUBLIC, seconds=-1.0).connect_tcp("docs.example", 80, 10.0)
    assert network.asked == []


@pytest.mark.parametrize("timeout", [None, 60.0, 1.0])
def test_no_wait_is_longer_than_what_is_left_of_the_whole(network: Network, timeout: float | None) -> None:
    backend(PUBLIC, seconds=20.0).connect_tcp("docs.example", 80, 10.0).read(100, timeout)
    (wait,) = network.opened[0].waits
    assert wait is not None and 0 < wait <= min(20.0, timeout or 20.0)


def test_every_failure_has_its_sentence() -> None:
    assert len({message(code) for code in MESSAGES}) == len(MESSAGES)
    assert message("of another version").endswith(".")


def test_the_addresses_of_these_tests_are_what_they_seem() -> None:
    assert is_public(ip_address(PUBLIC))
    assert len(FORBIDDEN_HOSTS) > 50
