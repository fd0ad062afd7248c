SELECT id FROM lakes.db.plain;
