"""Tests of the door for signals from outside."""
