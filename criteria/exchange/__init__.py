"""Results in and out by Excel: the entry workbook, and the spreadsheets of years past."""
