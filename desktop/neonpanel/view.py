"""The page in the window: a WebKit view that goes nowhere else, keeps nothing, and says how far the page is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from gi.repository import Gdk, Gio, GLib, WebKit2

from neonpanel import policy
from neonpanel.policy import Verdict

NAME: Final = "neonPanel"
WORLD: Final = "neon-panel"

WATCHER: Final = """
const root = document.documentElement;
const say = () => webkit.messageHandlers.neonPanel.postMessage(root.dataset.panel ?? "");
new MutationObserver(say).observe(root, {attributes: true, attributeFilter: ["data-panel"]});
say();
"""
"""Runs in a world of its own: the page neither sees it nor can speak in its place."""


class View:
    """C{state} is the page's own word, C{ready} or C{asking} (for a password), or one of ours: C{empty}, C{loading},
    C{failed}. C{on_state} hears each change.
    """

    def __init__(self, on_state: Callable[[str], None]) -> None:
        self.state = "empty"
        self._on_state = on_state
        self._origin: str | None = None
        context = WebKit2.WebContext.new_ephemeral()
        context.set_cache_model(WebKit2.CacheModel.DOCUMENT_VIEWER)
        # The page is on this machine: nobody stands in between.
        context.get_website_data_manager().set_network_proxy_settings(WebKit2.NetworkProxyMode.NO_PROXY, None)
        context.connect("download-started", lambda _, download: download.cancel())
        content = WebKit2.UserContentManager()
        content.connect(f"script-message-received::{NAME}", self._told)
        content.register_script_message_handler_in_world(NAME, WORLD)
        content.add_script(
            WebKit2.UserScript.new_for_world(
                WATCHER,
                WebKit2.UserContentInjectedFrames.TOP_FRAME,
                WebKit2.UserScriptInjectionTime.END,
                WORLD,
                None,
                None,
            )
        )
        self.widget = WebKit2.WebView(web_context=context, user_content_manager=content)
        settings = self.widget.get_settings()
        for name, value in (
            ("enable-developer-extras", False),
            ("enable-html5-database", False),
            ("enable-page-cache", False),
            ("enable-webgl", False),
            ("javascript-can-access-clipboard", False),
            ("javascript-can-open-windows-automatically", False),
            ("media-playback-requires-user-gesture", False),
        ):
            if settings.find_property(name) is not None:
                settings.set_property(name, value)
        for signal, handler in (
            ("decide-policy", self._decide),
            ("permission-request", self._refuse),
            ("context-menu", _menu),
            ("load-failed", self._failed),
            ("web-process-terminated", lambda *_: self._put("failed")),
        ):
            self.widget.connect(signal, handler)

    def load(self, url: str) -> None:
        """Show the page at an address that L{policy.is_panel} knows as one. The page of the same daemon that is open
        only takes what stands behind the C{#}.
        """
        origin = policy.origin(url)
        if origin != self._origin or self.state in ("empty", "failed"):
            self._origin = origin
            self._put("loading")
        self.widget.load_uri(url)

    def is_at(self, url: str) -> bool:
        """Whether the page of that daemon is open, and signed in."""
        return self.state == "ready" and policy.origin(url) == self._origin

    def _put(self, state: str) -> None:
        if state != self.state:
            self.state = state
            self._on_state(state)

    def _told(self, _content: Any, result: Any) -> None:
        value = result.get_js_value() if hasattr(result, "get_js_value") else result
        if value.is_string() and (word := value.to_string()) in ("signin", "ready", "asking"):
            self._put(word)

    def _decide(self, _view: Any, decision: Any, kind: Any) -> bool:
        if kind == WebKit2.PolicyDecisionType.RESPONSE:
            if decision.is_mime_type_supported():
                return False
            decision.ignore()
            return True
        action = decision.get_navigation_action()
        url = action.get_request().get_uri() or ""
        verdict = policy.judge(url, self._origin, by_hand=action.is_user_gesture())
        if verdict is Verdict.SHOW and kind == WebKit2.PolicyDecisionType.NAVIGATION_ACTION:
            decision.use()
            return True
        decision.ignore()
        if verdict is Verdict.OUTSIDE:
            _open_outside(url)
        return True

    def _refuse(self, _view: Any, request: Any) -> bool:
        request.deny()
        return True

    def _failed(self, _view: Any, _event: Any, _uri: str, error: Any) -> bool:
        # What the policy stopped, or another address replaced, is no failure.
        if error.matches(WebKit2.network_error_quark(), WebKit2.NetworkError.CANCELLED) or error.matches(
            WebKit2.policy_error_quark(), WebKit2.PolicyError.FRAME_LOAD_INTERRUPTED_BY_POLICY_CHANGE
        ):
            return True
        self._put("failed")
        return True


def _menu(_view: Any, menu: Any, _event: Any, hit: Any) -> bool:
    """Only where there is text to copy or a field to paste into."""
    return not (hit.context_is_editable() or hit.context_is_selection())


def _open_outside(url: str) -> None:
    context = Gdk.Display.get_default().get_app_launch_context()
    Gio.AppInfo.launch_default_for_uri_async(url, context, None, _opened)


def _opened(_source: Any, result: Any) -> None:
    try:
        Gio.AppInfo.launch_default_for_uri_finish(result)
    except GLib.Error:
        return
