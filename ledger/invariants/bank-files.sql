-- A bank file that was posted has no booked part left that was not posted.
SELECT f.id AS file, p.id AS part FROM bank_file f JOIN bank_sighting s ON s.file_id = f.id
JOIN bank_entry e ON e.id = s.entry_id AND e.status = 'BOOK'
JOIN bank_entry_part p ON p.entry_id = e.id AND p.state = 'shown' WHERE f.stage IN ('posted', 'alarm');
