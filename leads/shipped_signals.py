"""The signals that Accord ships (rules 22.1, 22.2, 22.3)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import Any, Final

from leads.vocabulary import Intent


@dataclass(frozen=True, slots=True)
class ShippedSignal:
    code: str
    name: str
    intent: Intent
    description: str
    is_explicit_request: bool = False
    is_engagement: bool = True
    closes_request: bool = False
    is_high_value_asset: bool = False


def _low(code: str, name: str, description: str) -> ShippedSignal:
    return ShippedSignal(code, name, Intent.LOW, description)


def _medium(code: str, name: str, description: str) -> ShippedSignal:
    return ShippedSignal(code, name, Intent.MEDIUM, description)


def _high(code: str, name: str, description: str) -> ShippedSignal:
    return ShippedSignal(code, name, Intent.HIGH, description)


def _asset(code: str, name: str, description: str) -> ShippedSignal:
    return ShippedSignal(code, name, Intent.MEDIUM, description, is_high_value_asset=True)


def _request(code: str, name: str, description: str) -> ShippedSignal:
    return ShippedSignal(code, name, Intent.HIGH, description, is_explicit_request=True)


def _passive(code: str, name: str, description: str, *, closes_request: bool = False) -> ShippedSignal:
    return ShippedSignal(code, name, Intent.LOW, description, is_engagement=False, closes_request=closes_request)


SIGNALS: Final = (
    _request("demo_request", "Demo request", "The demo form was sent."),
    _request("contact_request", "Contact request", "The contact form was sent."),
    _request("talk_to_sales", "Talk to sales", "The “talk to sales” form was sent."),
    _request("pricing_inquiry", "Pricing inquiry", "Asked what it costs: by form, mail or chat."),
    _request("outbound_reply", "Positive reply to outbound", "Answered a mail of ours and is interested."),
    _request("meeting_booked", "Meeting booked", "Booked a slot in somebody's calendar."),
    _request("callback_request", "Callback request", "Asked to be called."),
    _request("live_demo_attended", "Live demo attended", "Was at a live product demonstration, not its recording."),
    _high("trial_signup", "Trial sign-up", "Began a free trial."),
    _high("trial_click", "Trial button clicked", "Clicked “start a trial” without finishing."),
    _high("pricing_view", "Pricing page", "Looked at the prices."),
    _high("demo_video_watched", "Demo video watched", "Watched the product demonstration's recording."),
    _high("implementation_content", "Implementation content", "Read how it is set up or integrated."),
    _high("calculator_used", "Calculator used", "Worked out a case in the product's calculator."),
    _high("webinar_question", "Webinar question", "Attended a webinar and put a question."),
    _high("comparison_guide", "Comparison guide", "Read a comparison with a competitor."),
    _high("buying_committee_invite", "Colleague invited", "Brought a colleague in."),
    _high("repeat_visit", "Came back several times", "Three visits or more within a few days."),
    _high("usage_limit_reached", "Usage limit reached", "Hit a limit of the free plan."),
    _high("trial_activated", "Trial activated", "Did in the trial what later customers do."),
    _high("upgrade_viewed", "Upgrade page", "Looked at the paid plans from inside the product."),
    _high("billing_viewed", "Billing page", "Looked at the billing settings of the product."),
    _high("teammates_invited", "Teammates invited", "Invited colleagues into the product."),
    _high("integration_connected", "Integration connected", "Connected the product to another system of theirs."),
    _medium("webinar_attended", "Webinar attended", "Was at a live webinar."),
    _medium("workshop_attended", "Workshop attended", "Was at a workshop."),
    _medium("event_attended", "Event attended", "Came to a conference or meet-up of ours."),
    _medium("badge_scan", "Badge scan", "Was scanned at a stand."),
    _medium("case_study", "Case study", "Read a customer's story."),
    _medium("product_page_return", "Product page again", "Came back to a product page."),
    _medium("site_return", "Return to the site", "A new visit after an earlier one."),
    _medium("hired_for_role", "Hired for a triggering role", "A new person in a role that buys (third party)."),
    _medium("job_posting", "Job posted", "A job description in a category next to ours (third party)."),
    _medium("technology_installed", "Technology installed", "The technology stack changed in our favour (third party)."),
    _medium("third_party_intent", "Third-party intent", "Research on our topic seen elsewhere."),
    _medium("chat_started", "Chat started", "Wrote in the site's chat."),
    _medium("form_submit", "Form sent", "A form without a request in it."),
    _medium("product_login", "Product login", "Used the product."),
    _medium("feature_used", "Feature used", "Used a feature that matters."),
    _medium("data_imported", "Own data brought in", "Loaded their own data into the product."),
    _medium("webinar_recording", "Webinar recording", "Watched the recording of a webinar."),
    _asset("ebook_download", "E-book download", "Took an e-book."),
    _asset("guide_download", "Guide download", "Took a guide."),
    _asset("template_download", "Template download", "Took a template."),
    _asset("whitepaper_download", "White paper download", "Took a white paper."),
    _asset("report_download", "Report download", "Took a research report."),
    _low("webinar_registered", "Webinar registration", "Signed up for a webinar."),
    _low("product_page", "Product page", "Looked at a product page."),
    _low("homepage_visit", "Homepage visit", "Looked at the homepage."),
    _low("blog_read", "Blog read", "Read an article."),
    _low("checklist_download", "Checklist download", "Took a top-of-funnel download."),
    _low("email_open", "E-mail opened", "Opened a mail, or a machine did."),
    _low("email_click", "E-mail clicked", "Clicked a link in a mail."),
    _low("newsletter_signup", "Newsletter sign-up", "Wants the newsletter."),
    _low("opt_in", "Opted in again", "Wants mail again, after an unsubscribe or by a confirmed form."),
    _low("newsletter_open", "Newsletter opened", "Opened the newsletter."),
    _low("social_follow", "Social follow", "Follows us, as on LinkedIn."),
    _low("social_engagement", "Social engagement", "Liked or shared a post."),
    _low("ad_click", "Ad clicked", "Clicked an advertisement."),
    _low("first_contact", "First contact", "The first time the lead was heard of."),
    _low("video_watched", "Video watched", "Watched a film that is not the product's demonstration."),
    _passive("request_closed", "Request closed", "The request was answered or withdrawn.", closes_request=True),
    _passive("unsubscribe", "Unsubscribe", "Wants no more mail."),
    _passive("email_bounce", "E-mail bounced", "The address took no mail."),
    _passive("spam_complaint", "Spam complaint", "Reported a mail as spam."),
    _passive("machine_open", "Opened by a machine", "A scanner or mail client opened or clicked, not the person."),
    _passive("careers_page", "Careers page", "Looks for a job, not for a product."),
    _passive("recency_validated", "Recency validated", "Marketing checked that the interest is live; counts for timing."),
)  # fmt: skip


#: Signals whose events end the negative points of another signal's earlier events (rules 4.20).
ENDINGS: Final = {"newsletter_signup": "unsubscribe", "opt_in": "unsubscribe"}


def ship(*, signals: Any) -> None:
    """Create the signals that are missing. Changes of the customer stay; safe to repeat."""
    known_codes = set(signals.values_list("code", flat=True))
    rows = [signals.model(**{**asdict(signal), "intent": signal.intent.value}) for signal in SIGNALS]
    signals.bulk_create(rows, ignore_conflicts=True)
    # The first migration ships the signals before a later one adds the column.
    if hasattr(signals.model, "ends"):
        ship_endings(signals=signals, codes=ENDINGS.keys() - known_codes)


def ship_endings(*, signals: Any, codes: Collection[str]) -> None:
    """Let these signals end what they end as shipped."""
    for code in codes:
        signals.filter(code=code).update(ends=signals.filter(code=ENDINGS[code]).first())
