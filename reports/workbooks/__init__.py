"""Excel workbooks as offices file them. `layout` is the common official form; one module a report."""
