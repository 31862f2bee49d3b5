process.stdout.write('N');
