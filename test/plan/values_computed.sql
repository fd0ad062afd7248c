CREATE TABLE s (id INT, r DOUBLE, name STRING, t TIMESTAMP_LTZ(3)) WITH ('connector'='print');
INSERT INTO s VALUES (1, RAND(), 'a', PROCTIME()), (2, RAND(), UUID(), PROCTIME()), (3, RAND() + 1, 'c', PROCTIME());
