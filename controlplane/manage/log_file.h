// The log file: opened again where it was moved away, written in batches. The log writer's thread
// alone; every call may wait for a disk, or for a server that has it.
#ifndef VIGIL_MANAGE_LOG_FILE_H
#define VIGIL_MANAGE_LOG_FILE_H

#include <stdint.h>
#include <sys/stat.h>

#include "config.h"
#include "text.h"

#define LOG_FILE_ERROR 64

struct log_file {
	int fd;                     // -1 = none is open
	char path[CONFIG_DEVICE];   // "" = none is wanted
	char error[LOG_FILE_ERROR]; // why it cannot be written, "" = it can
	struct stat stat;           // of what is open
	struct text batch;          // not written yet
	uint64_t lines;
};

// Closes the file that there was and opens `path`, "" = none; f->error says what failed.
void log_file_open(struct log_file *f, const char *path);
// Also frees.
void log_file_close(struct log_file *f);
// Opens it again if the path leads elsewhere by now (logrotate), or has not led anywhere.
void log_file_follow(struct log_file *f);
// Appends a line; when many have come together they are written.
void log_file_put(struct log_file *f, const char *line);
// Writes what has come together; what cannot be written is lost.
void log_file_flush(struct log_file *f);

#endif
