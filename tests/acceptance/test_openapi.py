"""openapi.yaml against the running service: schemathesis with all its checks, and a client that is
generated from it."""

import importlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from calbell.api.docs import METHODS, Docs
from tests.acceptance.programs import environment
from tests.acceptance.stand import Stand

CONFIGURATION = Path(__file__).with_name("schemathesis.toml")
WRONG_METHODS = "unsupported_method"
"""It wants 405; as at Cal.com it is 404 here, which tests/api/test_routes.py tries everywhere."""


OPERATIONS = (
    ["Notifications", "Me", "Devices", "Preferences", "Events", "Health"],
    ["Operators"],
)
"""By tag. In two runs: operators remove users, also the one whose key is used."""


@pytest.mark.parametrize("engine", ["postgresql"])  # Pickier than SQLite; that is fuzzed.
@pytest.mark.parametrize("tags", OPERATIONS)
def test_every_answer_is_as_the_document_says(stand: Stand, tags: list[str]) -> None:
    user = stand.database.user()
    stand.phone(user)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "--no-color"),
            *(f"--config-file={CONFIGURATION}", "run", f"{stand.url}/openapi.json"),
            *("--checks=all", f"--exclude-checks={WRONG_METHODS}", "--continue-on-failure"),
            *(f"--include-tag={tag}" for tag in tags),
        ],
        cwd=stand.database.folder,
        env=environment(CALBELL_KEY=user.key, CALBELL_ADMIN=stand.admin_token, COLUMNS="160"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert stand.ask("GET", "/readyz").status == 200


def test_no_operation_is_left_out() -> None:
    tried = {tag for tags in OPERATIONS for tag in tags}
    for item in Docs().document["paths"].values():
        for method in METHODS:
            assert method not in item or tried.intersection(item[method]["tags"])


@pytest.fixture(scope="module")
def client_package(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a package with a client for the document, generated now."""
    folder = tmp_path_factory.mktemp("client")
    (folder / "openapi.json").write_bytes(msgspec.json.encode(Docs().document))
    subprocess.run(
        [
            *(sys.executable, "-m", "openapi_python_client", "generate", "--meta=none"),
            *(f"--path={folder / 'openapi.json'}", f"--output-path={folder / 'calbell_client'}"),
            "--fail-on-warning",
        ],
        check=True,
        capture_output=True,
        timeout=110,
        env={"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
    )
    sys.path.insert(0, str(folder))
    return "calbell_client"


def test_a_client_that_is_generated_from_the_document_registers_and_removes(
    client_package: str, stand: Stand
) -> None:
    user = stand.database.user()
    token = stand.expo.device("ANDROID")

    def part(name: str) -> Any:
        return importlib.import_module(f"{client_package}.{name}")

    models = part("models")
    sent = f"Bearer {user.key}"
    with part("client").AuthenticatedClient(stand.url, user.key) as client:
        register = part("api.notifications.notifications_subscriptions_controller_register")
        kept = register.sync(
            client=client,
            body=models.RegisterAppPushSubscriptionInput(
                token=token, platform=models.Platform.ANDROID, device_id="d1"
            ),
            authorization=sent,
        )
        assert (kept.data.user_id, kept.data.identifier) == (user.id, token)
        me = part("api.me.me_controller_get_me").sync(client=client, authorization=sent)
        assert (me.data.id, me.data.email) == (user.id, user.email)
        (device,) = part("api.devices.list_devices").sync(client=client, authorization=sent).data
        assert (device.id, device.platform) == (kept.data.id, models.Platform.ANDROID)
        remove = part("api.notifications.notifications_subscriptions_controller_remove")
        body = models.RemoveAppPushSubscriptionInput(token=token)
        removed = remove.sync(client=client, body=body, authorization=sent)
        assert removed.message == "App push subscription removed successfully"
        gone = remove.sync_detailed(client=client, body=body, authorization=sent)
        assert gone.status_code == 404
        assert gone.parsed.error.message == "App push subscription not found for the given token"
