"""One-page documents for people who read paper: Báo cáo nhanh and Phiếu niêm yết.

A page of the browser and a Word document print the same `Paper`; every figure in it comes
from `reports.readiness` and `reports.matrix`, and is counted nowhere else.
"""
