"""The onboarding of people new to marketing or sales: the terms, and the people who have read the definition."""
