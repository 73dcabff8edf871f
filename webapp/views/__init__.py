"""Thin views, one resource each: load through the member, call one model method, render or redirect."""
