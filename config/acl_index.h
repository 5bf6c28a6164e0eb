// Finds the line of an access list that means the same as another one, so that a list of 100,000
// lines is not read once for each line that is added. Inside config/ only.
#ifndef VIGIL_CONFIG_ACL_INDEX_H
#define VIGIL_CONFIG_ACL_INDEX_H

#include "config.h"

// The line that permits or denies the same packets, or NULL; the sequence number does not count.
// `more`: other lines will be looked up before the index is dropped, so that it is worth making.
const struct config_acl_line *acl_index_find(struct config_acl *acl,
                                             const struct config_acl_line *line, bool more);
// The line has been added to the list.
void acl_index_note(struct config_acl *acl, const struct config_acl_line *line);
// Lines have been removed, or none is added any more.
void acl_index_drop(struct config_acl *acl);

#endif
