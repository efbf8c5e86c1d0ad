import COctavo
