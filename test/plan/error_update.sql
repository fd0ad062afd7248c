UPDATE t SET v = 1;
