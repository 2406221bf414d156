"""The headers that common senders write, and what each of them means here.

Headers are compared in plain form: `plain_header("E-mail 2 Address")` is `e_mail_2_address`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Final

#: The target of a column that says nothing here, though a general name would give it a meaning.
NOBODYS: Final = ""
_NO_LETTER = re.compile(r"[^a-z0-9.]+")
_END_DOT = re.compile(r"\.(?![a-z0-9])|(?<![a-z0-9])\.")


@lru_cache(maxsize=4096)
def plain_header(header: str) -> str:
    """Return a header in plain form: small letters and digits without accents, with underscores between."""
    decomposed = unicodedata.normalize("NFKD", header.casefold().replace("#", " no "))
    letters = "".join(character for character in decomposed if not unicodedata.combining(character))
    return _NO_LETTER.sub("_", _END_DOT.sub("", letters)).strip("_").removeprefix("property_")


@dataclass(frozen=True, slots=True)
class Sender:
    """A sender of files: the headers by which its files are known, and what its headers mean.

    `marks` are plain headers; a file with `enough` of them comes from this sender. `columns` are plain headers in
    order of preference for each target.
    """

    name: str
    kind: str
    marks: frozenset[str]
    enough: int
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    #: Headers that only look as if they meant something, such as the id of a form's submission.
    nobodys: frozenset[str] = frozenset()
    #: What stands before the sender's own ids, as `l:` before Meta's.
    id_prefix: str = ""

    def find_target(self, plain: str) -> tuple[str, int] | None:
        """Return the target of a plain header and its rank among the columns of that target."""
        if plain in self.nobodys:
            return NOBODYS, 0
        for target, headers in self.columns.items():
            if plain in headers:
                return target, headers.index(plain)
        return None


def _list_headers(**columns: str) -> Mapping[str, tuple[str, ...]]:
    return MappingProxyType({target.replace("__", "."): tuple(headers.split()) for target, headers in columns.items()})


def _list_names(names: str) -> frozenset[str]:
    return frozenset(names.split())


SENDERS: Final = (
    Sender(
        "HubSpot's contact export",
        "leads",
        _list_names(
            "associated_company associated_company_id associated_company_ids contact_owner create_date "
            "createdate hs_lead_status hs_merged_object_ids hs_object_id hubspot_owner_id hubspot_score "
            "hubspotscore jobtitle lastmodifieddate lifecycle_stage lifecyclestage original_source record_id "
            "unsubscribed_from_all_email"
        ),
        2,
        _list_headers(
            external_id="record_id hs_object_id contact_id id vid",
            email="email work_email email_1",
            phone="phone_number phone mobile_phone_number mobilephone",
            first_name="first_name firstname",
            last_name="last_name lastname",
            title="job_title jobtitle",
            created_at="create_date createdate",
            source="original_source original_traffic_source hs_analytics_source lead_source",
            do_not_contact="unsubscribed_from_all_email hs_email_optout opted_out_of_all_email",
            company_external_id="associated_company_id associated_company_ids_primary associatedcompanyid",
            company_domain="company_domain_name website_url website",
            country="country_region country",
            region="state_region state",
            time_zone="time_zone timezone",
            seniority="employment_seniority seniority",
        ),
        nobodys=_list_names("created_at"),
    ),
    Sender(
        "HubSpot's company export",
        "companies",
        _list_names(
            "address_2 annualrevenue company_domain_name company_owner create_date createdate hs_object_id "
            "hubspot_owner_id is_deleted lifecycle_stage numberofemployees record_id"
        ),
        2,
        _list_headers(
            external_id="record_id hs_object_id company_id id",
            name="company_name name",
            domain="company_domain_name domain website_url website",
            employees="number_of_employees numberofemployees",
            annual_revenue="annual_revenue annualrevenue",
            country="country_region country",
            region="state_region state",
            created_at="create_date createdate",
        ),
    ),
    Sender(
        "Salesforce's lead export",
        "leads",
        _list_names(
            "company_account converted createdbyid donotcall email_opt_out hasoptedoutofemail isconverted "
            "last_activity last_modified lastmodifieddate lead_id lead_owner lead_source lead_status leadid "
            "leadsource masterrecordid numberofemployees ownerid"
        ),
        2,
        _list_headers(
            external_id="lead_id leadid id contact_id",
            email="email",
            phone="phone mobile mobilephone",
            first_name="first_name firstname",
            last_name="last_name lastname",
            full_name="name full_name",
            title="title",
            source="lead_source leadsource",
            country="country mailing_country",
            region="state_province state mailing_state_province",
            do_not_contact="hasoptedoutofemail email_opt_out donotcall do_not_call",
            created_at="create_date created_date createddate",
            company_domain="website",
            company_external_id="account_id accountid",
        ),
    ),
    Sender(
        "Pipedrive's people export",
        "leads",
        _list_names(
            "person_e_mail_adresse_buro person_e_mail_adresse_privat person_email person_email_home person_email_work "
            "person_first_name person_id person_label person_last_name person_marketing_status person_nachname "
            "person_name person_organisation person_organization person_owner person_phone_work person_telefon_buro "
            "person_title person_vorname"
        ),
        2,
        _list_headers(
            external_id="person_id",
            full_name="person_name",
            first_name="person_first_name person_vorname",
            last_name="person_last_name person_nachname",
            email=(
                "person_email_work person_email person_email_home person_email_other person_e_mail_adresse_buro "
                "person_e_mail_buro person_e_mail_adresse person_e_mail person_e_mail_adresse_privat person_e_mail_privat "
                "person_e_mail_adresse_sonstiger person_e_mail_adresse_sonstige person_e_mail_sonstige"
            ),
            phone=(
                "person_phone_work person_phone person_phone_mobile person_phone_home person_phone_other "
                "person_telefon_buro person_telefon person_telefon_mobil person_telefon_privat person_telefon_sonstiger "
                "person_telefon_sonstige"
            ),
            title="person_job_title person_title person_position person_berufsbezeichnung",
            do_not_contact="person_marketing_status",
            created_at=(
                "person_person_created person_created person_person_erstellt person_person_erstellt_am person_erstellt_am"
            ),
            company_domain="organization_website person_website organisation_website",
            company_external_id="organization_id person_organization_id organisation_id person_organisation_id",
            country="person_postal_address_country person_country person_land",
            source="person_source person_lead_source person_source_origin",
        ),
    ),
    Sender(
        "Outlook's contact export",
        "leads",
        _list_names(
            "assistant_s_phone business_country_region business_fax business_phone business_street "
            "company_main_phone e_mail_2_address e_mail_address e_mail_display_name e_mail_type home_phone "
            "middle_name web_page"
        ),
        2,
        _list_headers(
            email="e_mail_address e_mail_2_address e_mail_3_address",
            phone="business_phone business_phone_2 mobile_phone primary_phone other_phone home_phone",
            first_name="first_name",
            last_name="last_name",
            title="job_title",
            country="business_country_region country_region home_country_region",
            region="business_state",
        ),
        # Outlook's title is a salutation.
        nobodys=_list_names("title"),
    ),
    Sender(
        "Google's contact export",
        "leads",
        _list_names(
            "e_mail_1_label e_mail_1_type e_mail_1_value organization_1_title organization_name "
            "organization_title phone_1_value"
        ),
        2,
        _list_headers(
            email="e_mail_1_value e_mail_2_value e_mail_3_value",
            phone="phone_1_value phone_2_value phone_3_value",
            first_name="first_name given_name",
            last_name="last_name family_name",
            full_name="name",
            title="organization_title organization_1_title",
            country="address_1_country",
        ),
    ),
    Sender(
        "Apollo's contact export",
        "leads",
        _list_names(
            "apollo_account_id apollo_contact_id company_linkedin_url company_name_for_emails corporate_phone "
            "email_confidence email_status no_employees person_linkedin_url primary_email_source "
            "work_direct_phone"
        ),
        2,
        _list_headers(
            external_id="apollo_contact_id",
            email="email secondary_email tertiary_email",
            phone="work_direct_phone mobile_phone home_phone other_phone corporate_phone",
            first_name="first_name",
            last_name="last_name",
            title="title",
            company_domain="website",
            company_external_id="apollo_account_id",
            country="country",
            region="state",
            seniority="seniority",
        ),
    ),
    Sender(
        "Apollo's account export",
        "companies",
        _list_names(
            "apollo_account_id apollo_record_id company_country company_linkedin_url company_name_for_emails "
            "no_employees"
        ),
        2,
        _list_headers(
            external_id="apollo_account_id apollo_record_id",
            name="company company_name",
            domain="website",
            employees="no_employees",
            annual_revenue="annual_revenue",
            country="company_country",
            region="company_state",
            industry="industry",
            technologies="technologies",
        ),
    ),
    Sender(
        "LinkedIn's connections",
        "leads",
        _list_names("connected_on email_address position url"),
        3,
        _list_headers(
            email="email_address",
            first_name="first_name",
            last_name="last_name",
            title="position",
        ),
        # The day of the contact on LinkedIn is not when the company got to know the person.
        nobodys=_list_names("connected_on url"),
    ),
    Sender(
        "LinkedIn's lead forms",
        "leads",
        _list_names(
            "account_name ad_account_name campaign_group_name campaign_name conversation_name creative_id "
            "form_id form_name is_test_lead lead_capture_date lead_status lead_type linkedin_profile "
            "submitted_at submitted_date test_lead"
        ),
        3,
        _list_headers(
            email="work_email email_address email",
            phone="work_phone phone_number phone",
            first_name="first_name",
            last_name="last_name",
            full_name="full_name",
            title="job_title",
            seniority="seniority",
            country="country_region country",
            region="state_province state",
            created_at="submitted_at submitted_date lead_capture_date created_at date_created",
        ),
        nobodys=_list_names("id lead_id"),
    ),
    Sender(
        "Meta's lead ads",
        "leads",
        _list_names(
            "ad_id ad_name adset_id adset_name campaign_name created_time form_id form_name is_organic "
            "lead_status platform"
        ),
        3,
        _list_headers(
            email="email work_email",
            phone="phone_number phone work_phone_number whatsapp_number",
            full_name="full_name",
            first_name="first_name",
            last_name="last_name",
            title="job_title",
            country="country",
            region="state province",
            created_at="created_time",
        ),
        # Its id counts the submissions of a form: who fills it in twice has two.
        nobodys=_list_names("id lead_id"),
        id_prefix="l:",
    ),
    Sender(
        "Google's lead forms",
        "leads",
        _list_names(
            "ad_group_name asset_name date_submitted gbraid gclid google_click_id lead_form_id lead_form_name "
            "user_email user_name user_phone wbraid"
        ),
        2,
        _list_headers(
            email="work_email user_email email",
            phone="work_phone user_phone phone_number phone",
            full_name="user_name full_name name",
            first_name="first_name",
            last_name="last_name",
            title="job_title",
            country="country",
            region="region state",
            created_at="date_submitted submission_date_time lead_submission_time",
        ),
        nobodys=_list_names("id lead_id"),
    ),
    Sender(
        "Mailchimp's audience export",
        "leads",
        _list_names(
            "clean_time confirm_time euid gmtoff last_changed leid member_rating optin_ip optin_time "
            "unsub_campaign_title unsub_time"
        ),
        2,
        _list_headers(
            email="email_address",
            first_name="first_name",
            last_name="last_name",
            full_name="name",
            phone="phone_number phone",
            created_at="optin_time confirm_time",
            country="country cc",
            time_zone="timezone",
            do_not_contact="unsub_time",
        ),
        nobodys=_list_names("region"),
    ),
    Sender(
        "Brevo's contact export",
        "leads",
        _list_names(
            "added_time contact_id email_blacklisted email_blocklisted email_marketing emailblacklisted landline_number "
            "modified_time sms sms_blacklisted sms_marketing whatsapp"
        ),
        2,
        _list_headers(
            email="email",
            external_id="ext_id",
            # The account's language names the attributes.
            first_name="firstname first_name vorname prenom nombre nome",
            last_name="lastname last_name nachname nom apellidos cognome sobrenome",
            phone="landline_number sms whatsapp",
            title="job_title",
            created_at="added_time",
            do_not_contact=(
                "email_blacklisted emailblacklisted email_blocklisted emailblocklisted email_blacklist emailblacklist "
                "blacklisted blocklisted email_marketing email_subscription_status email_unsubscribed unsubscribed"
            ),
        ),
        # Counts the contacts of an account, which other files do not name.
        nobodys=_list_names("contact_id"),
    ),
    Sender(
        "ActiveCampaign's contact export",
        "leads",
        _list_names(
            "bounced_hard bounced_soft cdate contact_id contact_score date_subscribed date_unsubscribed ip_address "
            "list_status lists subscribe_date subscription_date tags udate unsubscribe_date unsubscribe_reason "
            "unsubscription_date unsubscription_reason"
        ),
        3,
        _list_headers(
            external_id="contact_id id",
            email="email email_address",
            first_name="first_name firstname",
            last_name="last_name lastname",
            full_name="full_name",
            phone="phone",
            title="job_title",
            created_at="date_created cdate created_date",
            do_not_contact=(
                "unsubscribe_date unsubscription_date date_unsubscribed unsubscribed_date status list_status "
                "email_status subscription_status"
            ),
        ),
    ),
    Sender(
        "Zoho's lead export",
        "leads",
        _list_names(
            "created_time email_opt_out lead_owner lead_owner_id lead_status modified_time no_of_employees "
            "record_id salutation secondary_email skype_id"
        ),
        3,
        _list_headers(
            external_id="record_id lead_id contact_id id",
            email="email secondary_email",
            phone="phone mobile",
            first_name="first_name",
            last_name="last_name",
            full_name="lead_name contact_name full_name",
            title="title designation",
            source="lead_source",
            country="country",
            region="state",
            do_not_contact="email_opt_out",
            created_at="created_time",
            company_domain="website",
        ),
    ),
    Sender(
        "Microsoft Dynamics' lead export",
        "leads",
        _list_names(
            "do_not_modify_contact do_not_modify_lead do_not_modify_modified_on do_not_modify_row_checksum "
            "status_reason topic"
        ),
        2,
        _list_headers(
            external_id="do_not_modify_lead do_not_modify_contact",
            email="email e_mail email_address email_address_1 email_address_2 email_address_3",
            phone="business_phone phone_number mobile_phone home_phone",
            first_name="first_name",
            last_name="last_name",
            full_name="name full_name",
            title="job_title",
            source="lead_source",
            country="country country_region",
            region="state state_province state_or_province",
            do_not_contact=(
                "do_not_allow_emails do_not_allow_bulk_emails email_marketing_status e_mail_marketing_status"
            ),
            created_at="created_on",
            company_domain="website",
        ),
    ),
    Sender(
        "SuiteCRM's lead export",
        "leads",
        _list_names(
            "account_name assigned_user_id date_entered date_modified lead_source_description "
            "modified_user_id phone_mobile phone_work primary_address_country status_description"
        ),
        2,
        _list_headers(
            external_id="id",
            email="email_address email1 email email2",
            phone="phone_work phone_mobile phone_home phone_other",
            first_name="first_name",
            last_name="last_name",
            title="title",
            source="lead_source",
            country="primary_address_country",
            region="primary_address_state",
            do_not_contact="email_opt_out do_not_call",
            created_at="date_entered",
            company_domain="website",
            company_external_id="account_id",
        ),
    ),
    Sender(
        "EspoCRM's lead export",
        "leads",
        _list_names(
            "accountname addresscountry assigneduserid createdbyid donotcall emailaddress "
            "emailaddressisoptedout modifiedat phonenumber"
        ),
        2,
        _list_headers(
            external_id="id",
            email="emailaddress email",
            phone="phonenumber phone",
            first_name="firstname first_name",
            last_name="lastname last_name",
            full_name="name",
            title="title",
            source="source",
            country="addresscountry",
            region="addressstate",
            created_at="createdat",
            do_not_contact="emailaddressisoptedout donotcall",
            company_domain="website",
            company_external_id="accountid",
        ),
    ),
    Sender(
        "Mautic's contact export",
        "leads",
        _list_names(
            "attribution companyname date_added date_identified dateadded dateidentified last_active "
            "lastactive points position preferred_locale"
        ),
        2,
        _list_headers(
            external_id="id contact_id",
            email="email",
            phone="phone mobile",
            first_name="firstname first_name",
            last_name="lastname last_name",
            title="position",
            country="country",
            region="state",
            time_zone="timezone",
            created_at="dateadded date_added dateidentified date_identified",
            do_not_contact="donotcontact do_not_contact",
        ),
        # Mautic's title is a salutation.
        nobodys=_list_names("title"),
    ),
    Sender(
        "Frappe CRM's lead export",
        "leads",
        _list_names(
            "email_id first_responded_on lead_name lead_owner mobile_no no_of_employees organization "
            "sla_status territory"
        ),
        3,
        _list_headers(
            external_id="id name",
            full_name="lead_name",
            first_name="first_name",
            last_name="last_name",
            email="email email_id",
            phone="mobile_no phone",
            title="job_title designation",
            source="source",
            company_domain="website",
            created_at="creation created_on",
            do_not_contact="unsubscribed",
        ),
    ),
)

#: Names that no single sender owns, by kind of file, in order of preference for each target.
GENERAL_COLUMNS: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = MappingProxyType(
    {
        "leads": _list_headers(
            email=(
                "email e_mail email_address e_mail_address work_email business_email user_email primary_email "
                "mail e_mail_adresse emailadresse mailadresse adresse_e_mail adresse_email adresse_de_messagerie "
                "correo_electronico direccion_de_correo_electronico correo courriel indirizzo_e_mail indirizzo_email "
                "indirizzo_di_posta_elettronica endereco_de_e_mail endereco_de_email e_mailadres emailadres adres_e_mail "
                "adres_email e_postadress epostadress e_post epost email_1 "
                "e_mail_1_value e_mail_1_address email_2 e_mail_2_address e_mail_2_value secondary_email "
                "personal_email other_email e_mail_3_address email_3 home_email"
            ),
            external_id="external_id lead_id contact_id person_id prospect_id record_id hs_object_id id customer_id",
            first_name=(
                "first_name firstname given_name vorname prenom nombre nombre_de_pila nome primeiro_nome voornaam imie fornamn"
            ),
            last_name=(
                "last_name lastname surname family_name nachname familienname nom nom_de_famille apellido apellidos cognome "
                "sobrenome ultimo_nome apelido achternaam nazwisko efternamn"
            ),
            full_name=(
                "full_name fullname name contact_name lead_name person_name user_name your_name display_name "
                "vollstandiger_name nom_complet nombre_completo nome_completo volledige_naam naam imie_i_nazwisko namn "
                "fullstandigt_namn"
            ),
            phone=(
                "business_phone work_phone phone_number phone mobile_phone mobile mobile_phone_number "
                "primary_phone telephone telefon telefon_geschaftlich telefonnummer tel user_phone direct_phone phone_2 "
                "telephone_bureau numero_de_telephone telefono telefono_del_trabajo numero_de_telefono telefono_ufficio "
                "telefone telefoon telefoon_op_werk telefoonnummer numer_telefonu mobiltelefon handy home_phone other_phone"
            ),
            title=(
                "title job_title jobtitle position role job_role berufsbezeichnung funktion fonction intitule_du_poste poste "
                "cargo puesto qualifica posizione ruolo functie functietitel stanowisko befattning titre"
            ),
            source="source lead_source leadsource original_source quelle leadquelle lead_quelle",
            country=(
                "country country_region mailing_country business_country_region land land_region "
                "land_region_geschaftlich pais pais_region pais_region_del_trabajo pays pays_region pays_region_bureau paese "
                "paese_regione kraj country_code"
            ),
            region="region state_region state state_province province bundesland",
            time_zone="time_zone timezone",
            do_not_contact=(
                "do_not_contact do_not_email hasoptedoutofemail email_opt_out unsubscribed_from_all_email "
                "opted_out opt_out optout email_optout hs_email_optout unsubscribed marketing_status "
                "email_marketing_status e_mail_marketing_status do_not_allow_emails subscription_status "
                "email_opted_out has_opted_out_of_email email_blacklisted blacklisted abgemeldet desabonne do_not_call donotcall "
                "do_not_mail no_contact newsletter_abbestellt newsletter_abgemeldet e_mail_abgemeldet werbesperre kontaktsperre "
                "nicht_kontaktieren desinscrit ne_pas_contacter no_contactar dado_de_baja non_contattare disiscritto nao_contatar "
                "descadastrado niet_contacteren uitgeschreven nie_kontaktowac wypisany kontakta_ej avregistrerad"
            ),
            company_domain="company_domain company_domain_name company_website website website_url",
            company_external_id="company_external_id company_id account_id accountid associated_company_id",
            created_at=(
                "created_at create_date createdate created_date createddate created created_time created_on "
                "date_created date_submitted submitted_at"
            ),
            use_case="use_case primary_challenge",
        ),
        "companies": _list_headers(
            external_id="external_id company_id account_id organization_id record_id hs_object_id id",
            name="name company_name account_name company organization_name organization organisation firma",
            domain=(
                "domain company_domain company_domain_name website website_url company_website organization_website"
            ),
            employees=(
                "employees number_of_employees numberofemployees no_of_employees no_of_employee employee_count "
                "company_size no_employees organization_number_of_employees employees_count headcount"
            ),
            annual_revenue="annual_revenue annualrevenue revenue",
            annual_revenue_currency="annual_revenue_currency currency currency_code currencyisocode revenue_currency",
            country="country country_region billing_country billingcountry company_country organization_country",
            region="region state_region state billing_state billing_state_province billingstate company_state",
            created_at="created_at create_date createdate created_date createddate created created_on created_time",
        ),
        "events": _list_headers(
            lead="lead lead_id contact_id",
            email="email e_mail email_address",
            id="id event_id message_id messageid",
            signal="signal type event",
            occurred_at="occurred_at timestamp time date",
            properties__campaign="campaign",
            properties__asset="asset",
        ),
        "outcomes": _list_headers(
            lead="lead lead_id contact_id",
            email="email e_mail email_address",
            id="id outcome_id opportunity_id deal_id",
            kind="kind outcome stage",
            at="at closed_at close_date closedate closed_date date",
            amount="amount value deal_amount",
            currency="currency currency_code currencyisocode deal_currency_code deal_currency",
            reason="reason closed_lost_reason loss_reason",
        ),
        "dispositions": _list_headers(
            lead="lead lead_id contact_id",
            email="email e_mail email_address",
            id="id disposition_id mql_id",
            kind="kind disposition decision",
            at="at dispositioned_at decided_at date",
            reason="reason rejection_reason reject_reason disqualification_reason reason_code",
            by="by decided_by rep owner sdr",
            note="note notes comment",
            motion="motion",
        ),
    }
)
