// Management: the command line's server. Started and stopped by the control core, which from then
// on only answers requests (request.h).
#ifndef VIGIL_MANAGE_H
#define VIGIL_MANAGE_H

struct control;

// Listens on a Unix socket (mode 0660; an old one of that name is replaced unless somebody answers
// on it) and sets c->requests. `startup` is the file that `copy running-config startup-config`
// writes. log_writer_start() came before. 0 or -errno; what failed is written to stderr.
int manage_start(struct control *c, const char *socket_path, const char *startup);
// Ends all sessions: requests under way fail. c->config stays the control core's. A session that
// hangs for longer than some seconds is left alone, with what it has in its hands: the program is
// to end.
void manage_stop(struct control *c);

#endif
