"""Salesforce CRM Analytics (Wave): methods, states and conversations."""
