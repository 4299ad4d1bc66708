"""The paper's tables and figures, made anew, and a page that shows them beside the printed numbers."""
