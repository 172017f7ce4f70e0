"""The pages of members. Each docstring names its template and what the template is given."""
