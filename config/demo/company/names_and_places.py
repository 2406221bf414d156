"""The names, places, trades, pages and answers that data is drawn from. All domains end in .example."""

from __future__ import annotations

from typing import Final

#: First and last names by culture, so that they fit together.
PEOPLE: Final = {
    "en": (
        ["Olivia", "James", "Charlotte", "Ethan", "Grace", "Daniel", "Hannah", "Owen", "Renee", "Marcus", "Tara",
         "Gavin", "Simone", "Patrick"],
        ["Bennett", "Whitfield", "Carver", "Okonkwo", "Sinclair", "Doyle", "Hargrove", "Ellis", "Tremblay", "Walsh",
         "Prescott", "Amadi", "Lowell"],
    ),
    "de": (
        ["Katrin", "Jonas", "Annika", "Stefan", "Heike", "Tobias", "Yasemin", "Florian", "Birgit", "Emre", "Lena",
         "Matthias"],
        ["Vogel", "Brandt", "Krüger", "Y\u0131lmaz", "Hofmann", "Lindner", "Seidel", "Baumann", "Öztürk", "Keller",
         "Albrecht"],
    ),
    "fr": (
        ["Camille", "Julien", "Aïcha", "Mathieu", "Élodie", "Thibault", "Nadia", "Rémi", "Sandrine", "Karim"],
        ["Lefèvre", "Moreau", "Benali", "Girard", "Fontaine", "Marchand", "Diallo", "Chevalier", "Roussel"],
    ),
    "north": (
        ["Clara", "Erik", "Astrid", "Lars", "Freja", "Anders", "Saga", "Mikkel", "Ingrid", "Femke", "Daan", "Sanne"],
        ["Lindqvist", "Nygaard", "Johansson", "Bakker", "Sørensen", "de Vries", "Holm", "Visser", "Ekström", "Dahl"],
    ),
    "south": (
        ["Lucía", "Marco", "Inés", "Alessandro", "Beatriz", "Giulia", "Rafael", "Chiara", "Diego", "Paola"],
        ["Herrera", "Conti", "Navarro", "Ferrari", "Almeida", "Ricci", "Ortega", "Moretti", "Vidal", "Esposito"],
    ),
    "east": (
        ["Mateusz", "Zofia", "Piotr", "Agnieszka", "Jakub", "Magdalena", "Tomáš", "Ivana"],
        ["Zieliński", "Nowak", "Kamińska", "Wójcik", "Novák", "Lewandowska", "Dvořák"],
    ),
    "in": (
        ["Priya", "Arjun", "Ananya", "Rohan", "Kavya", "Vikram", "Meera", "Siddharth", "Nisha", "Imran"],
        ["Nair", "Sharma", "Iyer", "Patel", "Banerjee", "Reddy", "Khan", "Deshmukh", "Menon"],
    ),
    "asia": (
        ["Mei", "Hana", "Wei", "Kenji", "Siti", "Jun", "Aiko", "Hui Min", "Daichi", "Nurul", "Linh", "Farid"],
        ["Tan", "Kobayashi", "Lim", "Sato", "Wong", "Rahman", "Nakamura", "Ong", "Nguyen", "Chua", "Ishikawa"],
    ),
}  # fmt: skip

#: Country: (cultures, zone, region, dialling code, weight).
COUNTRIES: Final = {
    "US": (("en", "en", "south", "in", "asia"), "America/New_York", "Northeast", "+1", 26),
    "CA": (("en", "fr"), "America/Toronto", "Ontario", "+1", 6),
    "MX": (("south",), "America/Mexico_City", "Nuevo León", "+52", 2),
    "GB": (("en", "in"), "Europe/London", "Midlands", "+44", 9),
    "DE": (("de", "de", "east"), "Europe/Berlin", "Nordrhein-Westfalen", "+49", 13),
    "FR": (("fr",), "Europe/Paris", "Auvergne-Rhône-Alpes", "+33", 6),
    "NL": (("north",), "Europe/Amsterdam", "Zuid-Holland", "+31", 6),
    "SE": (("north",), "Europe/Stockholm", "Västra Götaland", "+46", 4),
    "PL": (("east",), "Europe/Warsaw", "Mazowieckie", "+48", 3),
    "ES": (("south",), "Europe/Madrid", "Cataluña", "+34", 3),
    "SG": (("asia", "in"), "Asia/Singapore", "Central", "+65", 7),
    "AU": (("en", "asia"), "Australia/Sydney", "New South Wales", "+61", 7),
    "JP": (("asia",), "Asia/Tokyo", "Aichi", "+81", 3),
    "IN": (("in",), "Asia/Kolkata", "Maharashtra", "+91", 4),
    "BR": (("south",), "America/Sao_Paulo", "São Paulo", "+55", 2),
}
AMERICAS: Final = ("US", "CA", "MX", "BR")
APAC: Final = ("SG", "AU", "JP", "IN")

#: Industry: (weight, words of company names).
INDUSTRIES: Final = {
    "Manufacturing": (26, ["Castings", "Bearings", "Tooling", "Plastics", "Components", "Fasteners"]),
    "Logistics": (18, ["Freight", "Forwarding", "Haulage", "Logistics", "Cargo"]),
    "Distribution": (15, ["Wholesale", "Supply", "Trading", "Distribution"]),
    "Food & Beverage": (12, ["Foods", "Dairy", "Beverages", "Bakeries"]),
    "Retail": (10, ["Stores", "Outfitters", "Markets", "Home"]),
    "Pharmaceuticals": (6, ["Pharma", "Biologics", "Health"]),
    "Software": (6, ["Cloud", "Labs", "Digital"]),
    "Consulting": (4, ["Advisory", "Partners", "Consulting"]),
    "Education": (3, ["Institute", "Academy", "College"]),
}
PLACES: Final = [
    "Nordfjord", "Harbourline", "Ashgrove", "Kestrel", "Blackwater", "Montclair", "Redstone", "Silverbrook",
    "Tamarind", "Westmark", "Oakhurst",
    "Brightwell", "Calder", "Damson", "Eastvale", "Fairmont", "Granby", "Hollis", "Ironbridge", "Juniper",
    "Kingsway", "Larkfield", "Meridian",
    "Northgate", "Orchard", "Pinecrest", "Quayside", "Rosewood", "Stonebridge", "Thornton", "Umber", "Valemont",
    "Windermere", "Yarrow", "Zephyr",
    "Altamar", "Bergheim", "Castellan", "Delmonte", "Elbtal", "Finsbury", "Grünwald", "Hanseatic", "Isarwerk",
    "Jurong", "Kaimana", "Lindholm",
    "Marina Bay", "Nagoya", "Oresund", "Pacifica", "Rheinland", "Saltwater", "Tasman", "Utrecht", "Vistula",
    "Wollongong", "Yamato", "Southbank",
]  # fmt: skip

BUYING_TITLES: Final = [
    ("Head of Supply Chain", 8), ("Director of Operations", 9), ("VP Supply Chain", 6), ("Procurement Manager", 11),
    ("Supply Chain Planner", 8),
    ("Logistics Manager", 10), ("Chief Operating Officer", 4), ("Demand Planning Manager", 8),
    ("Director of Procurement", 6),
    ("Senior Manager Logistics", 5), ("Operations Analyst", 5), ("VP Operations", 4),
]  # fmt: skip
OTHER_TITLES: Final = [
    ("IT Manager", 6), ("Marketing Manager", 5), ("Software Engineer", 4), ("Finance Director", 4),
    ("HR Business Partner", 2),
    ("Office Manager", 2), ("Business Analyst", 5), ("Project Coordinator", 3), ("Consultant", 3),
]  # fmt: skip
UNWANTED_TITLES: Final = ["Student", "Supply Chain Intern", "PhD Student", "Research Assistant"]

TECHNOLOGIES: Final = [
    "SAP",
    "Oracle",
    "NetSuite",
    "Microsoft Dynamics",
    "Salesforce",
    "HubSpot",
    "Snowflake",
    "Excel",
    "Manhattan",
    "Infor",
]
BUSINESS_MODELS: Final = ["B2B", "B2B", "B2B", "B2B2C", "B2C"]
COMPETITORS: Final = [("Planwise", "planwise.example"), ("Stocksmith", "stocksmith.example")]
#: Added to the shipped lists: addresses at real providers could belong to somebody.
FREE_MAIL: Final = ["freemail.example", "postbox.example"]
UNIVERSITIES: Final = ["state-university.example", "polytechnic.example"]

#: Source: (weight, appeal), where the appeal multiplies the rate at which its leads convert.
SOURCES: Final = {
    "Organic search": (26, 1.0),
    "Paid search": (17, 0.9),
    "Webinar": (14, 1.05),
    "Event": (11, 0.95),
    "Partner": (8, 1.3),
    "Referral": (8, 2.1),
    "Outbound": (9, 0.8),
    "Content syndication": (7, 0.55),
}
SYNDICATION: Final = "Content syndication"

BLOG: Final = [
    "/blog/safety-stock-explained", "/blog/bullwhip-effect", "/blog/s-and-op-in-90-days",
    "/blog/container-rates-outlook",
    "/blog/forecast-accuracy-metrics", "/blog/supplier-risk-map", "/blog/planners-and-spreadsheets",
]  # fmt: skip
PRODUCT_PAGES: Final = [
    "/product/demand-planning",
    "/product/inventory",
    "/product/s-and-op",
    "/product/supplier-portal",
    "/product/control-tower",
]
INTEGRATIONS: Final = [
    "/integrations/sap-s4",
    "/integrations/netsuite",
    "/integrations/dynamics",
    "/docs/implementation-timeline",
]
EBOOKS: Final = [
    "S&OP playbook",
    "Inventory benchmark report",
    "Supplier risk checklist",
    "Buyer's guide to planning software",
]
WEBINARS: Final = [
    "Forecasting without spreadsheets",
    "S&OP in 90 days",
    "Cutting stock without cutting service",
    "Planning for tariffs",
]
CAMPAIGNS: Final = ["spring-planning", "s-and-op-series", "inventory-clinic", "peak-season", "tariff-radar"]
SYNDICATED_REPORT: Final = "State of supply chains report"
SYNDICATION_CAMPAIGN: Final = "trade-press-report"

USE_CASES: Final = [
    "Replace spreadsheets in demand planning", "Cut safety stock by a tenth", "One forecast for sales and operations",
    "See supplier delays before they hit production", "Plan three warehouses instead of one",
]  # fmt: skip
BUDGETS: Final = [
    "€40k–60k a year",
    "Approved for this fiscal year",
    "$75,000",
    "Part of the ERP programme",
    "To be confirmed in the autumn round",
]
TIMELINES: Final = ["now", "this quarter", "next quarter", "this year", "just researching"]
