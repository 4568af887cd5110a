
/*
 * Copyright (C) the ngx_chat_module authors
 *
 * The store as one piece with the test, which sees what is static in it.
 */


#include "../../ngx_chat_module/ngx_chat_proc.c"
#include "../../ngx_chat_module/ngx_chat_shm.c"
#include "../../ngx_chat_module/ngx_chat_nonce.c"
#include "../../ngx_chat_module/ngx_chat_segment.c"
#include "../../ngx_chat_module/ngx_chat_room.c"
#include "../../ngx_chat_module/ngx_chat_interest.c"
#include "../../ngx_chat_module/ngx_chat_limit.c"
#include "../../ngx_chat_module/ngx_chat_rate.c"
#include "../../ngx_chat_module/ngx_chat_mark.c"
#include "../../ngx_chat_module/ngx_chat_table.c"
#include "../../ngx_chat_module/ngx_chat_table_memory.c"
#include "../../ngx_chat_module/ngx_chat_table_share.c"
#include "../../ngx_chat_module/ngx_chat_transient.c"
#include "../../ngx_chat_module/ngx_chat_hook.c"
#include "../../ngx_chat_module/ngx_chat_hook_slot.c"
#include "../../ngx_chat_module/ngx_chat_hook_user.c"
#include "../../ngx_chat_module/ngx_chat_presence.c"
#include "../../ngx_chat_module/ngx_chat_presence_list.c"
#include "../../ngx_chat_module/ngx_chat_presence_run.c"
#include "../../ngx_chat_module/ngx_chat_presence_repair.c"
#include "../../ngx_chat_module/ngx_chat_log.c"
#include "../../ngx_chat_module/ngx_chat_log_read.c"
#include "../../ngx_chat_module/ngx_chat_change.c"
#include "../../ngx_chat_module/ngx_chat_change_list.c"
#include "../../ngx_chat_module/ngx_chat_change_react.c"
#include "../../ngx_chat_module/ngx_chat_log_publish.c"
#include "../../ngx_chat_module/ngx_chat_shm_zone.c"
#include "../../ngx_chat_module/ngx_chat_repair.c"
#include "../../ngx_chat_module/ngx_chat_copy.c"
#include "../../ngx_chat_module/ngx_chat_test.c"
