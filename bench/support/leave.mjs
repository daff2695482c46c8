/** A process of a bench ends when the one who forked it has. */
process.on('disconnect', () => process.exit());
