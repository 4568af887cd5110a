# for chat_login: the password of all is "correct horse"
fay:$2b$08$abcdefghijklmnopqrstuubAvJmxpQuyV3jn7x.SUSPxe.DearCPe
