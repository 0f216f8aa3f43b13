"""Pages made of words: signing in, and errors that a person looks at; they need no JavaScript."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Final

from aiohttp import web

from gateway.access.paths import Area, Target
from gateway.access.refusal import Refusal
from gateway.errors import GatewayError
from gateway.web.failures import failure

_TITLES: Final = {
    400: "This address can't be used",
    401: "Sign in",
    403: "Not allowed",
    404: "Nothing here",
    429: "Too many tries",
}


def wants_page(request: web.Request) -> bool:
    """Whether a person looks at the answer."""
    return request.method in ("GET", "HEAD") and "text/html" in request.headers.get("Accept", "")


def next_of(target: Target | Refusal) -> str:
    """Where somebody goes on after signing in, relative to the root: a page, and nothing else."""
    if isinstance(target, Refusal) or target.path_grant is not None or target.area is not Area.CAMERA:
        return ""
    return target.path.removeprefix("/")


class Notices:
    """Makes them from static/notice.html."""

    def __init__(self, folder: Path, *, root: str) -> None:
        """`root` is the base path with a slash at its end, for addresses that can't be read."""
        self._template = (folder / "notice.html").read_text(encoding="utf-8")
        self._root = root

    def refusal(self, error: GatewayError, target: Target | Refusal) -> web.Response:
        """For a request that was not let in."""
        base = self._base(target)
        if error.status == 401:
            message = "" if error.code == "sign_in_required" else error.message
            return self.sign_in(message, next_path=next_of(target), base=base, status=401)
        response = self.page(_TITLES.get(error.status, "It didn't work"), _paragraph(error.message), base=base)
        response.set_status(error.status)
        retry_after = failure(error).headers.get("Retry-After")
        if retry_after is not None:
            response.headers["Retry-After"] = retry_after
        return response

    def _base(self, target: Target | Refusal) -> str:
        if isinstance(target, Refusal):
            return self._root
        # Out of a grant that is no good, too.
        depth = target.path.count("/") - 1 + (2 if target.path_grant is not None else 0)
        return "../" * depth or "./"

    def sign_in(
        self, message: str = "", *, user: str = "", next_path: str = "", base: str = "./", status: int = 200
    ) -> web.Response:
        """The form."""
        alert = f'<p class="alert" role="alert">{escape(message)}</p>' if message else ""
        focus_user, focus_password = ("", " autofocus") if user else (" autofocus", "")
        response = self.page(
            "Sign in",
            f"""{alert}
<form method="post" action="login">
<label>Name<input name="user" autocomplete="username" autocapitalize="none" spellcheck="false" maxlength="64" required
 value="{escape(user)}"{focus_user} /></label>
<label>Password<input name="password" type="password" autocomplete="current-password" maxlength="1024"
 required{focus_password} /></label>
<input type="hidden" name="next" value="{escape(next_path)}" />
<button>Sign in</button>
</form>""",
            base=base,
        )
        response.set_status(status)
        return response

    def redeem(self, token: str) -> web.Response:
        """One button: opening a link must not use it up, as mail programs and chats open links to look at them."""
        return self.page(
            "Sign in",
            f"""<p>This link signs you in once.</p>
<form method="post" action="login">
<input type="hidden" name="token" value="{escape(token)}" />
<button autofocus>Sign in</button>
</form>""",
        )

    def signed_in(self, user: str) -> web.Response:
        """Who is signed in, and the way out."""
        return self.page(
            f"Signed in as {user}",
            """<p><a href="./">Watch the cameras</a></p>
<form method="post" action="login/out"><button>Sign out</button></form>""",
        )

    def page(self, title: str, content: str, *, base: str = "./") -> web.Response:
        """`content` is HTML, `title` is text."""
        text = self._template.replace("{{base}}", base).replace("{{title}}", escape(title))
        response = web.Response(text=text.replace("{{content}}", content), content_type="text/html", charset="utf-8")
        response.headers["Cache-Control"] = "no-store"
        # `no-referrer` would make browsers send the form with `Origin: null`, which is nobody's.
        response.headers["Referrer-Policy"] = "same-origin"
        return response


def _paragraph(text: str) -> str:
    return f'<p>{escape(text)}.</p>\n<p><a href="./">All cameras</a></p>'
