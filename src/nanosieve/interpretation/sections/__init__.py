"""The sections of an explanation: each asks one question, writes files, says what is seen."""
