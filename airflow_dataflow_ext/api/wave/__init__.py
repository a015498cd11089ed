"""Salesforce CRM Analytics (Wave) as data and conversations."""
