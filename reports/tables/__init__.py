"""Reports as tables: drawn once, shown as a page, a workbook and CSV (`catalogue` lists them)."""
