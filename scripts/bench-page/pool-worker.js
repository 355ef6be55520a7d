// Threads are started from beside the worker's own script.
import '/bodymap/pool-worker.js';
