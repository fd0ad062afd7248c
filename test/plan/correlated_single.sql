CREATE TABLE plain (id INT, k STRING, v INT, ts TIMESTAMP(3)) WITH ('connector'='kafka', 'topic'='plain', 'format'='json');
SELECT a.id FROM plain a WHERE a.v = (SELECT v FROM plain b WHERE b.k = a.k AND b.id > 3);
