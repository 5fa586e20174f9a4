"""Reports of visits for people: the pictures, the page in HTML and in PDF."""
