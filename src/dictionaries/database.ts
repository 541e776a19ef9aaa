/** @file (being written by the lead) */
